
const pulse = document.querySelector("[data-pulse]");
let wanted = false;
let busy = false;

async function renew() {
  wanted = true;
  if (busy) return;
  busy = true;
  try {
    while (wanted) {
      wanted = false;
      const answer = await fetch(location.href);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-live]")) {
        const now = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
        if (now && now.innerHTML !== part.innerHTML) replace(part, now);
      }
    }
  } catch {
    // The sandbox has gone; the stream says so below.
  } finally {
    busy = false;
  }
}

function replace(part, now) {
  const box = (within) => within.querySelector(".scroll");
  const [left, focused] = [box(part)?.scrollLeft ?? 0, box(part) === document.activeElement];
  part.replaceChildren(...now.childNodes);
  const fresh = box(part);
  if (!fresh) return;
  fresh.scrollLeft = left;
  if (focused) fresh.focus({ preventScroll: true });
}

const changes = new EventSource("/_sandbox/changes");
changes.addEventListener("changed", renew);
changes.addEventListener("open", () => {
  pulse.textContent = "Watching for changes.";
  renew();
});
changes.addEventListener("error", () => {
  pulse.textContent = "The sandbox does not answer any more.";
});
