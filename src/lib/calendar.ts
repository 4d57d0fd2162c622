/** Windows of the calendar. Weeks begin on Monday (ISO 8601). */
export type CalendarUnit = "hour" | "day" | "week" | "month" | "year";

const DAY = 86_400_000;
const HOUR = 3_600_000;

/** Greatest lengths of windows, in milliseconds: a day that the clocks are set back in has 25 hours. */
export const GREATEST: Readonly<Record<CalendarUnit, number>> = {
  hour: HOUR,
  day: DAY + HOUR,
  week: 7 * DAY + HOUR,
  month: 31 * DAY + HOUR,
  year: 366 * DAY + HOUR,
};

/** Whether a time zone is known by this name. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/**
 * Windows of the calendar in a time zone: gives start and end of the one that holds a time, all in milliseconds since 1970.
 * Throws a RangeError for a zone that is not known.
 */
export function calendarWindows(
  unit: CalendarUnit,
  timeZone: string,
): (wall: number) => readonly [from: number, to: number] {
  const zone = new Zone(timeZone);
  if (unit === "hour")
    return (wall) => {
      // In most zones; where it is half an hour off, an hour begins there.
      const local = wall + zone.offset(wall);
      const from = wall - (((local % HOUR) + HOUR) % HOUR);
      return [Math.floor(from), Math.floor(from) + HOUR];
    };
  return (wall) => {
    const local = new Date(wall + zone.offset(wall));
    const year = local.getUTCFullYear();
    const month = local.getUTCMonth();
    const day = local.getUTCDate();
    if (unit === "year") return [zone.midnight(year, 0, 1), zone.midnight(year + 1, 0, 1)];
    if (unit === "month") return [zone.midnight(year, month, 1), zone.midnight(year, month + 1, 1)];
    const first = unit === "day" ? day : day - ((local.getUTCDay() + 6) % 7);
    return [zone.midnight(year, month, first), zone.midnight(year, month, first + (unit === "day" ? 1 : 7))];
  };
}

/** The offsets of a time zone. */
class Zone {
  readonly #format: Intl.DateTimeFormat;

  constructor(timeZone: string) {
    const numeric = "2-digit";
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    });
  }

  /** What is added to UTC, in milliseconds. */
  offset(wall: number): number {
    const values: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(wall)) values[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = values;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(wall / 1_000) * 1_000;
  }

  /** When a day begins: at midnight, at the first of two, or behind the gap where the clocks are set forward over it. */
  midnight(year: number, month: number, day: number): number {
    const local = Date.UTC(year, month, day);
    const before = this.offset(local - DAY);
    const after = this.offset(local + DAY);
    if (this.offset(local - before) === before) return local - before;
    return this.offset(local - after) === after ? local - after : local - before;
  }
}
