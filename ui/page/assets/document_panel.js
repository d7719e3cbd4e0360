// Runs once, when the document panel appears. `element` is the panel; `trigger` sends an event to ui/page.py.
const root = () => element.querySelector('.document-panel');
const calm = () => (matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth');

// Marks a citation as the current one and scrolls to it.
function reveal(number, asked) {
  const all = [...element.querySelectorAll('mark')];
  const marks = all.filter((mark) => mark.dataset.citation.split(' ').includes(String(number)));
  if (!marks.length) return false;
  all.forEach((mark) => mark.classList.toggle('current', marks.includes(mark)));
  element.querySelectorAll('.cited .cite').forEach((button) =>
    button.setAttribute('aria-pressed', String(button.dataset.number === String(number))));
  const open = root();
  open.dataset.current = number;
  if (asked) window.temeiShow?.('right');
  const above = open.querySelector('.cited')?.offsetHeight ?? 0;
  const top = marks[0].getBoundingClientRect().top - open.getBoundingClientRect().top + open.scrollTop;
  open.scrollTo({ top: top - above - 0.15 * open.clientHeight, behavior: calm() });
  if (asked) marks[0].focus({ preventScroll: true });
  return true;
}

function copied(button) {
  const answer = button.closest('.answer');
  const words = answer.cloneNode(true);
  words.querySelectorAll('.cue, .nearest, .label').forEach((one) => one.remove());
  words.querySelectorAll('.cite').forEach((one) => one.replaceWith(` [${one.textContent}]`));
  const quotes = [...answer.querySelectorAll('.cite')].map((one) =>
    `[${one.dataset.number}] ${one.dataset.where} (${one.dataset.source}): “${one.dataset.quote}”`);
  const text = [...words.querySelectorAll('p')].map((one) => one.textContent.replaceAll('\u202f [', ' ['));
  return [...text, ...quotes].join('\n\n');
}

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('button');
  if (!button) return;
  const { turn, number, back, copy } = button.dataset;
  const open = root();
  hide();
  if (turn !== undefined && number !== undefined) {
    if (open.dataset.turn === turn && reveal(number, true)) return;
    window.temeiAsked = true;
    trigger('open_citation', { turn, number });
  } else if (button.classList.contains('whole')) {
    window.temeiAsked = true;
    trigger('open_whole', { turn: open.dataset.turn, number: open.dataset.current, document: open.dataset.document });
  } else if (back !== undefined) {
    window.temeiShow?.('middle');
    const marker = document.querySelector(`#chat [data-turn="${back}"][data-number="${open.dataset.current}"]`);
    marker?.scrollIntoView({ block: 'center', behavior: calm() });
    marker?.focus({ preventScroll: true });
  } else if (copy !== undefined) {
    const label = button.textContent;
    navigator.clipboard?.writeText(copied(button)).then(() => {
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 1500);
    });
  }
});

// The card beside a marker: the quote and where it stands, for a pointer over it and for the keyboard's focus.
const card = document.createElement('div');
card.id = 'quote';
card.hidden = true;
const where = card.appendChild(document.createElement('cite'));
const quote = card.appendChild(document.createElement('q'));
quote.dir = where.dir = 'auto';
(element.closest('.gradio-container') ?? document.body).append(card);
const hide = () => { card.hidden = true; };
function hint(event) {
  const marker = event.target.closest?.('button.cite');
  if (!marker) return event.type === 'mouseover' && !card.contains(event.target) ? hide() : undefined;
  if (event.type === 'focusin' && !marker.matches(':focus-visible')) return undefined;
  where.textContent = marker.dataset.where;
  quote.textContent = marker.dataset.shown ?? marker.dataset.quote;
  card.hidden = false;
  place(marker);
  return undefined;
}
function place(marker) {
  const at = marker.getBoundingClientRect();
  card.style.left = `${Math.max(8, Math.min(at.left - 16, innerWidth - card.offsetWidth - 8))}px`;
  const above = at.top - card.offsetHeight - 6;
  card.style.top = `${above > 8 ? above : at.bottom + 6}px`;
}
document.addEventListener('mouseover', hint);
document.addEventListener('focusin', hint);
document.addEventListener('focusout', hide);
document.addEventListener('scroll', () => {
  // To focus a marker out of sight scrolls to it.
  const marker = document.activeElement?.closest?.('button.cite:focus-visible');
  if (marker && !card.hidden) place(marker);
  else hide();
}, true);
document.addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });

document.addEventListener('temei-panel', (event) => {
  const current = root()?.dataset.current;
  if (event.detail === 'right' && current) reveal(current, false);
});

watch('value', () => {
  const asked = Boolean(window.temeiAsked);
  window.temeiAsked = false;
  if (asked) window.temeiShow?.('right');
  requestAnimationFrame(() => {
    const open = root();
    if (!open) return;
    if (open.dataset.current && reveal(open.dataset.current, asked)) return;
    open.scrollTo({ top: 0 });
  });
});
