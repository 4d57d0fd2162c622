/** Part of an address as it may stand in Location: what cannot is percent-encoded; what is encoded stays. */
export function locationText(text: string): string {
  return text.replace(/[^\x21-\x7e]|[\\"<>^`{|}#]/g, (found) => `%${hex(found.charCodeAt(0))}`);
}

function hex(octet: number): string {
  return octet.toString(16).toUpperCase().padStart(2, "0");
}
