import { ThreeloError } from 'threelo';

const STATUS = { state_invalid: 400, authorization_denied: 403, connection_not_found: 404 };

/** Sends the browser on with a GET, whatever it came with. */
export const goTo = (location) => new Response(null, { status: 303, headers: { location } });

/** Runs a route handler; what threelo throws becomes a page. */
export const handled = (handler) => async (request) => {
  try {
    return await handler(request);
  } catch (error) {
    if (!(error instanceof ThreeloError)) throw error;
    const status = STATUS[error.code] ?? (error.retryable ? 503 : 502);
    const text = error.message.replace(/[&<>"']/g, (letter) => `&#${letter.codePointAt(0)};`);
    const body = `<h1>That did not work</h1><p>${text}</p><a href="/">Back</a>`;
    const page = `<!doctype html><html lang="en"><title>Jira</title><body>${body}</body></html>`;
    return new Response(page, { status, headers: { 'content-type': 'text/html; charset=utf-8' } });
  }
};
