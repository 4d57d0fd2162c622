const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

/** Milliseconds between two planned questions at least: none at all would be a loop. */
export const EVERY_MIN = 10;

/** Why an address of an issuer may not be asked: keys and secrets travel by https, but on this machine. Undefined where it may. */
export function urlProblem(text: string, allowHttp = false): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return "not an http or https URL";
  if (url.username !== "" || url.password !== "") return "a URL with a user in it is not taken";
  if (url.protocol === "http:" && !allowHttp && !LOOPBACK.test(url.hostname))
    return "without TLS anybody on the way could answer; write https, or allowHttp: true";
  return undefined;
}

/** A URL without what may be secret in it, for messages. */
export function shownUrl(text: string): string {
  const url = URL.parse(text);
  return url === null ? "(no URL)" : `${url.origin}${url.pathname}`;
}
