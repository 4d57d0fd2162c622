/** Systems whose kernels spread connections over all who listen on a port (SO_REUSEPORT as libuv's UV_TCP_REUSEPORT wants it). */
const SHARING: readonly string[] = ["linux", "freebsd", "dragonfly", "sunos", "aix"];

/** Whether several threads, or a process and the one that follows it, can listen on one port. */
export function sharesPorts(platform: string = process.platform): boolean {
  return SHARING.includes(platform);
}

/** How many workers there can be of those that are wanted: one where ports cannot be shared. */
export function workersOn(wanted: number, platform: string = process.platform): number {
  return sharesPorts(platform) ? wanted : 1;
}
