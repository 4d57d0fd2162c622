import {
  CORE_SCHEMA,
  defineScalarTag,
  floatCoreTag,
  intCoreTag,
  load,
  mergeTag,
  NOT_RESOLVED,
  type ScalarTagDefinition,
  type Schema,
  YAMLException,
} from "js-yaml";
import { placeAt } from "./places.ts";
import { ConfigError, problemAt } from "./problem.ts";

/** Maps and lists within one another at most. */
export const MAX_DEPTH = 100;

/** YAML 1.2, and merge keys; a number with leading zeros is text, since YAML 1.1 reads another number there. */
const SCHEMA: Schema = CORE_SCHEMA.withTags(
  mergeTag,
  withoutLeadingZeros(intCoreTag),
  withoutLeadingZeros(floatCoreTag),
);

function withoutLeadingZeros(tag: ScalarTagDefinition<number>): ScalarTagDefinition<number> {
  return defineScalarTag<number>(tag.tagName, {
    ...tag,
    resolve: (source, isExplicit, name) =>
      /^[-+]?0[0-9]/.test(source) ? NOT_RESOLVED : tag.resolve(source, isExplicit, name),
  });
}

/** Reads YAML without positions, which takes a tenth of the time. Throws a ConfigError with the place. */
export function parseYaml(text: string, file: string): unknown {
  if (/^(?:\s|#[^\n]*\n|---[ \t]*\n)*(?:#[^\n]*)?$/.test(text.slice(0, 65_536)) && text.length <= 65_536)
    return {};
  try {
    return load(text, { schema: SCHEMA, maxDepth: MAX_DEPTH, maxTotalMergeKeys: 1_000_000 });
  } catch (error) {
    throw new ConfigError([yamlProblem(error, text, file)]);
  }
}

function yamlProblem(error: unknown, text: string, file: string): ReturnType<typeof problemAt> {
  const top = { file, path: [] };
  if (!(error instanceof YAMLException))
    return problemAt(top, "cannot be read as YAML", "write it with fewer maps and lists within one another");
  const { reason, mark } = error;
  const [words, cure] = inWords(
    reason,
    mark === undefined ? "" : text.slice(mark.position, mark.position + 200),
  );
  const place = mark === undefined ? undefined : placeAt(text, mark.position);
  return { ...problemAt(top, words, cure), line: place?.line ?? 1, column: place?.column ?? 1 };
}

/** Reasons of the parser, and what to do about them. */
const WORDS: readonly (readonly [reason: RegExp, cure: string, words?: string])[] = [
  [/duplicated mapping key/, "keep one of the two", "the key stands twice in one map"],
  [
    /unidentified alias/,
    "write &name at what *name stands for, before it; text that begins with * needs quotes",
  ],
  [/tab characters?/i, "indent with spaces", "a tab indents; YAML allows spaces only"],
  [/unknown (scalar|mapping|sequence) tag/, "remove the tag (the word that begins with !)"],
  [
    /nesting exceeded/,
    `write at most ${MAX_DEPTH} maps and lists within one another`,
    "is nested too deeply",
  ],
  [
    /but found more|expected a single document|single document/,
    "keep one document: remove the line ---",
    "holds several documents",
  ],
  [/indentation/, "let the keys of one map begin at one column, below the key that they belong to"],
  [
    /implicit mapping|implicit key|colon|mapping values/i,
    "put quotes around text that holds a colon and a space, and a space behind each key's colon",
  ],
  [/missed comma/, 'put a comma between entries, and quotes around text that holds { or }: "/orders/{id}"'],
  [/within a flow|unexpected end|flow/i, "close each [ and { with ] and }, and put commas between entries"],
  [
    /quoted scalar|double quote|single quote|escape/i,
    "close the quote; in double quotes write \\\\ for a backslash",
  ],
  [/non-printable|control character/i, "remove the control characters"],
  [/cannot start any token|reserved/i, "put quotes around it: text may not begin with @, ` or %"],
];

function inWords(reason: string, found: string): [words: string, cure: string] {
  const tab = /^\s*\t/.test(found) || /\n\t/.test(found.slice(0, 40));
  for (const [pattern, cure, words] of WORDS)
    if (pattern.test(reason) && !tab) return [words ?? reason, cure];
  if (tab) return ["a tab indents; YAML allows spaces only", "indent with spaces"];
  return [`is not YAML: ${reason}`, "check indentation, quotes and brackets here and in the line above"];
}
