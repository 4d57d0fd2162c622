/** The whole table of request attacks. */
import { chunkFamilies } from "./chunks.ts";
import { contentLengthFamilies } from "./content-length.ts";
import { fieldFamilies } from "./fields.ts";
import { lineFamilies } from "./lines.ts";
import { meaningFamilies } from "./meaning.ts";
import type { RequestFamily } from "./table.ts";
import { targetFamilies } from "./targets.ts";
import { transferEncodingFamilies } from "./transfer-encoding.ts";
import { versionAndHostFamilies } from "./versions-hosts.ts";

/** Families of attacks by clients, each with its rule. */
export const requestFamilies: readonly RequestFamily[] = [
  ...transferEncodingFamilies,
  ...contentLengthFamilies,
  ...chunkFamilies,
  ...lineFamilies,
  ...fieldFamilies,
  ...targetFamilies,
  ...versionAndHostFamilies,
  ...meaningFamilies,
];
