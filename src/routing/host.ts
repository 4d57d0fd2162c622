/** The host of an authority as names are compared: lower case, without port and without the root's dot. */
export function hostOf(authority: string): string {
  const host = authority.toLowerCase().replace(/:[0-9]*$/, "");
  return host.endsWith(".") ? host.slice(0, -1) : host;
}
