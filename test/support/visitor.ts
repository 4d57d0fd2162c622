/** A person with a browser without scripts: cookies, redirects and forms, over real sockets. */
import { request as open } from "node:http";

/** One answer that a visitor got. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** What a visit may say. */
export interface Visit {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const AS_PAGE = { accept: "text/html,*/*;q=0.8", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

/** Cookies by host and port, as one browser has them; HttpOnly, Secure and SameSite are only looked at by tests. */
export class Visitor {
  /** Cookies by host (with port) and name. */
  readonly jars: Map<string, Map<string, string>> = new Map();
  /** Cookies for a part of a host only: host, path, then as in a jar. */
  readonly #below = new Map<string, { host: string; path: string; name: string; value: string }>();
  /** Set-Cookie lines that came, in their order. */
  readonly set: string[] = [];

  /** The cookies that a URL is asked with. */
  jar(url: string): Map<string, string> {
    const { host } = new URL(url);
    const jar = this.jars.get(host) ?? new Map<string, string>();
    this.jars.set(host, jar);
    return jar;
  }

  /** Asks once, as a person who opens a page. */
  async ask(url: string, { method = "GET", headers = AS_PAGE, body }: Visit = {}): Promise<Page> {
    const jar = this.jar(url);
    const { hostname, port, pathname, search, host } = new URL(url);
    const below = [...this.#below.values()].filter(
      (one) => one.host === host && pathname.startsWith(one.path),
    );
    const pairs = [...below.map(({ name, value }) => [name, value] as const), ...jar];
    const cookie = pairs.map(([name, value]) => `${name}=${value}`).join("; ");
    const given = { host, ...headers, ...(cookie !== "" && { cookie }) };
    const page = await new Promise<Page>((done, failed) => {
      const to = { host: hostname === "localhost" ? "127.0.0.1" : hostname, port, method, agent: false };
      const outgoing = open({ ...to, path: pathname + search, headers: given }, async (answer) => {
        const text = Buffer.concat(await Array.fromAsync(answer as AsyncIterable<Buffer>)).toString();
        done({ url, status: answer.statusCode!, headers: answer.headers, text });
      });
      outgoing.on("error", failed);
      outgoing.end(body);
    });
    for (const line of [page.headers["set-cookie"] ?? []].flat()) this.#keep(line, host);
    return page;
  }

  #keep(line: string, host: string): void {
    this.set.push(line);
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    const path = /; *path=([^;]*)/i.exec(line)?.[1] ?? "/";
    const past = /expires=([^;]+)/i.exec(line)?.[1];
    const gone = /max-age=0\b/i.test(line) || (past !== undefined && Date.parse(past) < Date.now());
    const jar = this.jar(`http://${host}`);
    if (path !== "/") {
      if (gone) this.#below.delete(`${host} ${path} ${name}`);
      else this.#below.set(`${host} ${path} ${name}`, { host, path, name, value });
    } else if (gone) jar.delete(name);
    else jar.set(name, value);
  }

  /** Follows redirects, until `stop` holds for where it would go next. */
  async follow(page: Page, stop: (url: string) => boolean = () => false): Promise<Page> {
    let now = page;
    for (let left = 15; left > 0; left--) {
      const { location } = now.headers;
      if (now.status < 300 || now.status >= 400 || typeof location !== "string") return now;
      const next = new URL(location, now.url).href;
      if (stop(next)) return now;
      now = await this.ask(next);
    }
    throw new Error(`more redirects than anybody needs: ${now.url}`);
  }

  /** Opens a page, logs in where it is asked to, and gives the page where it ends. */
  async enter(url: string, name: string, stop?: (url: string) => boolean): Promise<Page> {
    const form = await this.follow(await this.ask(url), stop);
    if (!form.url.includes("/login/")) return form;
    return this.follow(await this.submit(form, { login: name }), stop);
  }

  /** Sends a form of a page back to its own address. */
  submit(page: Page, fields: Readonly<Record<string, string>>): Promise<Page> {
    return this.ask(page.url, {
      method: "POST",
      headers: { ...AS_PAGE, "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(fields).toString(),
    });
  }
}
