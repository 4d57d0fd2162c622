import type { JsonObject } from "@bufbuild/protobuf";

/** Fields of a message by their names: number, and type with "repeated" or "map" (from texts) in front. */
export type MessageFields = Readonly<Record<string, readonly [number: number, type: string]>>;

const SCALARS: Readonly<Record<string, string>> = {
  string: "TYPE_STRING",
  bytes: "TYPE_BYTES",
  int32: "TYPE_INT32",
  uint32: "TYPE_UINT32",
  int64: "TYPE_INT64",
};

/** A file of message types, as google.protobuf.FileDescriptorProto has it in JSON. */
export function descriptorOf(
  name: string,
  messages: Readonly<Record<string, MessageFields>>,
  dependency: readonly string[],
): JsonObject {
  const messageType = Object.entries(messages).map(([message, fields]) => messageOf(name, message, fields));
  return { name: `${name}.proto`, package: name, syntax: "proto3", dependency: [...dependency], messageType };
}

function messageOf(file: string, name: string, fields: MessageFields): JsonObject {
  const nestedType: JsonObject[] = [];
  const field = Object.entries(fields).map(([key, [number, written]]): JsonObject => {
    const [, label, type = ""] = /^(?:(repeated|map) )?(.+)$/.exec(written) ?? [];
    if (label !== "map") return fieldOf(file, key, number, type, label === "repeated");
    const entry = `${camel(key, true)}Entry`;
    nestedType.push({
      name: entry,
      field: [fieldOf(file, "key", 1, "string", false), fieldOf(file, "value", 2, type, false)],
      options: { mapEntry: true },
    });
    return fieldOf(file, key, number, `${name}.${entry}`, true);
  });
  return { name, field, nestedType };
}

function fieldOf(file: string, name: string, number: number, type: string, repeated: boolean): JsonObject {
  const scalar = SCALARS[type];
  return {
    name,
    number,
    jsonName: camel(name, false),
    label: repeated ? "LABEL_REPEATED" : "LABEL_OPTIONAL",
    ...(scalar === undefined
      ? { type: "TYPE_MESSAGE", typeName: type.startsWith("google.") ? `.${type}` : `.${file}.${type}` }
      : { type: scalar }),
  };
}

function camel(name: string, upper: boolean): string {
  const text = name.replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
  return upper ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}
