import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type CalendarUnit, calendarWindows, GREATEST, isTimeZone } from "./calendar.ts";

function windowOf(unit: CalendarUnit, zone: string, at: string): string[] {
  return calendarWindows(unit, zone)(Date.parse(at)).map((time) => new Date(time).toISOString().slice(0, 16));
}

describe("windows of the calendar", () => {
  const cases: [CalendarUnit, string, string, from: string, to: string][] = [
    ["day", "UTC", "2026-03-10T23:59:59.999Z", "2026-03-10T00:00", "2026-03-11T00:00"],
    ["day", "Europe/Berlin", "2026-03-10T23:30Z", "2026-03-10T23:00", "2026-03-11T23:00"],
    ["day", "Europe/Berlin", "2026-03-29T12:00Z", "2026-03-28T23:00", "2026-03-29T22:00"],
    ["day", "Europe/Berlin", "2026-10-25T12:00Z", "2026-10-24T22:00", "2026-10-25T23:00"],
    ["day", "Asia/Kolkata", "2026-01-01T18:29Z", "2025-12-31T18:30", "2026-01-01T18:30"],
    ["week", "UTC", "2026-11-22T12:00Z", "2026-11-16T00:00", "2026-11-23T00:00"],
    ["week", "UTC", "2026-11-23T00:00Z", "2026-11-23T00:00", "2026-11-30T00:00"],
    ["month", "America/New_York", "2026-03-01T04:59Z", "2026-02-01T05:00", "2026-03-01T05:00"],
    ["month", "UTC", "2024-02-29T12:00Z", "2024-02-01T00:00", "2024-03-01T00:00"],
    ["month", "UTC", "2026-12-31T12:00Z", "2026-12-01T00:00", "2027-01-01T00:00"],
    ["year", "Pacific/Auckland", "2026-12-31T11:00Z", "2026-12-31T11:00", "2027-12-31T11:00"],
    ["hour", "UTC", "2026-03-10T12:34Z", "2026-03-10T12:00", "2026-03-10T13:00"],
    ["hour", "Asia/Kolkata", "2026-03-10T12:34Z", "2026-03-10T12:30", "2026-03-10T13:30"],
    // Where the clocks are set forward at midnight, the day begins at one.
    ["day", "Africa/Cairo", "2026-04-24T12:00Z", "2026-04-23T22:00", "2026-04-24T21:00"],
    // Where they are set back at midnight, it comes twice: a day begins at the first.
    ["day", "America/Havana", "2026-11-01T12:00Z", "2026-11-01T04:00", "2026-11-02T05:00"],
  ];
  for (const [unit, zone, at, from, to] of cases)
    test(`${unit} in ${zone} at ${at}`, () => assert.deepEqual(windowOf(unit, zone, at), [from, to]));

  for (const zone of ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Cairo"])
    for (const unit of ["hour", "day", "week", "month", "year"] as const)
      test(`${unit} in ${zone}: each ends where the next begins, none is too long`, () => {
        const windows = calendarWindows(unit, zone);
        let at = Date.parse("2025-12-30T13:14:15Z");
        for (let i = 0; i < 400 && at < Date.parse("2028-01-01"); i++) {
          const [from, to] = windows(at);
          assert.ok(from <= at && at < to, new Date(at).toISOString());
          assert.ok(to - from <= GREATEST[unit], `${to - from} from ${new Date(from).toISOString()}`);
          assert.equal(from % 60_000, 0);
          assert.equal(windows(to)[0], to);
          assert.deepEqual(windows(to - 1), [from, to]);
          at = to;
        }
      });

  test("zones are known by their names", () => {
    assert.deepEqual(["UTC", "Europe/Berlin", "Europe/Atlantis", ""].map(isTimeZone), [
      true,
      true,
      false,
      false,
    ]);
  });
});
