/** Node's TLS, loaded at the first need: each thread that has it pays several megabytes, also where nobody speaks TLS. */
export function nodeTls(): typeof import("node:tls") {
  return process.getBuiltinModule("node:tls");
}
