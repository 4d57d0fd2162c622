import { configJsonSchema } from "../config/json-schema.ts";
import { SHIPPED } from "../policies/index.ts";
import { type Command, EXIT, UsageError } from "./command.ts";

/** `torana schema`: prints the JSON Schema of a config. */
export const schema: Command = {
  summary: "print the JSON Schema of a config, for editors",
  usage: "",
  async run(args) {
    if (args.length > 0) throw new UsageError("it takes no arguments");
    const policies = await Promise.all(Object.values(SHIPPED).map((load) => load()));
    console.log(JSON.stringify(configJsonSchema(policies), undefined, 2));
    return EXIT.ok;
  },
};
