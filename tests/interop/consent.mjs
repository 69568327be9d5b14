// A browser of one purpose: signs in and consents (or declines) on the authority's pages, and returns
// the callback URL it is sent to without visiting it. Needs nothing but Node.
//
//   node consent.mjs AUTHORIZE_URL LOGIN [--decline]      prints the callback URL

import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const MOST_STEPS = 20;

/**
 * @param {string} authorizeUrl where the app sends the user's browser; must name its `redirect_uri`
 * @param {{ login: string, decline?: boolean }} options `login` becomes the account id
 * @returns {Promise<string>} the callback URL, with `code` and `state`, or with `error`
 */
export async function consent(authorizeUrl, { login, decline = false }) {
  const callback = new URL(authorizeUrl).searchParams.get("redirect_uri");
  if (!callback) throw new Error("the authorize URL names no redirect_uri");
  if (!login) throw new Error("consent needs a login");

  const jar = new CookieJar();
  let request = { url: authorizeUrl };
  for (let step = 0; step < MOST_STEPS; step += 1) {
    const { url, form } = request;
    const response = await fetch(url, {
      method: form ? "POST" : "GET",
      body: form,
      redirect: "manual",
      headers: { accept: "text/html", cookie: jar.header(url) },
    });
    jar.store(url, response.headers.getSetCookie());
    const page = await response.text();

    const location = response.headers.get("location");
    if ([301, 302, 303].includes(response.status) && location) {
      const next = new URL(location, url).href;
      if (sameAddress(next, callback)) return next;
      request = { url: next };
    } else if (response.ok) {
      request = decline ? cancelLink(page, url) : filledForm(page, url, login);
    } else {
      throw new Error(`the authority shows an error page (${response.status}): ${visibleText(page)}`);
    }
  }
  throw new Error(`no callback after ${MOST_STEPS} pages`);
}

/** The page's form as the user would send it: hidden fields as they are, the login in, any password. */
function filledForm(page, url, login) {
  const formTag = /<form\b[^>]*>/i.exec(page)?.[0];
  if (!formTag) throw new Error(`a page without a form: ${visibleText(page)}`);

  const form = new URLSearchParams();
  for (const [input] of page.matchAll(/<input\b[^>]*>/gi)) {
    const name = attribute(input, "name");
    if (!name) continue;
    const typed = { login, password: "any" }[name];
    form.append(name, typed ?? attribute(input, "value") ?? "");
  }
  return { url: new URL(attribute(formTag, "action") ?? "", url).href, form };
}

function cancelLink(page, url) {
  const link = [...page.matchAll(/(<a\b[^>]*>)([^<]*)<\/a>/gi)].find(([, , words]) => /cancel/i.test(words));
  if (!link) throw new Error(`a page without a way to decline: ${visibleText(page)}`);
  return { url: new URL(attribute(link[1], "href"), url).href };
}

function attribute(tag, name) {
  const value = new RegExp(`\\s${name}="([^"]*)"`, "i").exec(tag)?.[1];
  return value?.replace(/&quot;/g, '"').replace(/&#39;/g, "'").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
}

function visibleText(page) {
  return page
    .replace(/<style[\s\S]*?<\/style>/gi, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, 300);
}

function sameAddress(a, b) {
  const [left, right] = [new URL(a), new URL(b)];
  return left.origin === right.origin && left.pathname === right.pathname;
}

/** Cookies by host, path and name; like a browser's, blind to the port. */
class CookieJar {
  #cookies = new Map();

  store(url, lines) {
    const { hostname } = new URL(url);
    for (const line of lines) {
      const [pair, ...rest] = line.split(";").map((part) => part.trim());
      const split = pair.indexOf("=");
      const attributes = Object.fromEntries(
        rest.map((part) => {
          const [key, ...value] = part.split("=");
          return [key.toLowerCase(), value.join("=")];
        }),
      );
      const cookie = { hostname, path: attributes.path || "/", name: pair.slice(0, split), value: pair.slice(split + 1) };
      const key = `${cookie.hostname} ${cookie.path} ${cookie.name}`;
      const gone = attributes["max-age"] === "0" || Date.parse(attributes.expires) <= Date.now();
      if (gone) this.#cookies.delete(key);
      else this.#cookies.set(key, cookie);
    }
  }

  header(url) {
    const { hostname, pathname } = new URL(url);
    return [...this.#cookies.values()]
      .filter((cookie) => cookie.hostname === hostname && pathMatches(pathname, cookie.path))
      .map(({ name, value }) => `${name}=${value}`)
      .join("; ");
  }
}

function pathMatches(path, prefix) {
  return path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { decline: { type: "boolean" } } });
  const [authorizeUrl, login] = positionals;
  if (!authorizeUrl || !login) {
    console.error("usage: node consent.mjs AUTHORIZE_URL LOGIN [--decline]");
    process.exit(2);
  }
  console.log(await consent(authorizeUrl, { login, decline: values.decline }));
}
