const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]|^[\t ]|[\t ]$/;

/** Throws a RangeError for a name or value that cannot stand in a message (RFC 9110 §5.1, §5.5). */
export function checkField(name: string, value: string): void {
  if (!TOKEN.test(name)) throw new RangeError(`not a field name: ${JSON.stringify(name)}`);
  if (BAD_VALUE.test(value)) throw new RangeError(`not a value that the field ${name} can carry`);
}

/** The members of a comma-separated list in lower case (RFC 9110 §5.6.1); only space and tab are white space. */
export function listMembers(value: string): string[] {
  return value
    .toLowerCase()
    .split(",")
    .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, ""));
}
