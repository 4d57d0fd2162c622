import { hashPassword, MAX_PASSWORD } from "../lib/password-hash.ts";
import { type Command, EXIT, UsageError } from "./command.ts";
import { readSecret } from "./read-stdin.ts";

/** `torana password hash` hashes a password for the config. */
export const password: Command = {
  summary: "hash a password of a consumer",
  usage: "hash",
  run: async (args) => {
    if (args.length !== 1 || args[0] !== "hash") throw new UsageError("hash is needed");
    const typed = await readSecret("password");
    if (Buffer.byteLength(typed) > MAX_PASSWORD)
      throw new UsageError(`a password is at most ${MAX_PASSWORD} bytes long`);
    console.log(await hashPassword(typed));
    return EXIT.ok;
  },
};
