// Runs once, when the reader appears. `element` is the reader; `trigger` sends an event to ui/page.py.
const root = () => element.querySelector('.reader');
const calm = () => (matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth');
const scrolls = () => getComputedStyle(root()).overflowY === 'auto';

// Marks a citation as the current one and scrolls to it. On a narrow screen the page itself would scroll, away from
// the answer, so it only does when somebody asked for it.
function reveal(number, asked) {
  const all = [...element.querySelectorAll('mark')];
  const marks = all.filter((mark) => mark.dataset.citation.split(' ').includes(String(number)));
  if (!marks.length) return false;
  all.forEach((mark) => mark.classList.toggle('current', marks.includes(mark)));
  element.querySelectorAll('.cited .cite').forEach((button) =>
    button.setAttribute('aria-pressed', String(button.dataset.number === String(number))));
  const open = root();
  open.dataset.current = number;
  if (scrolls()) {
    const above = open.querySelector('.cited')?.offsetHeight ?? 0;
    const top = marks[0].getBoundingClientRect().top - open.getBoundingClientRect().top + open.scrollTop;
    open.scrollTo({ top: top - above - 0.15 * open.clientHeight, behavior: calm() });
  } else if (asked) {
    marks[0].scrollIntoView({ block: 'center', behavior: calm() });
  }
  if (asked) marks[0].focus({ preventScroll: true });
  return true;
}

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('button');
  if (!button) return;
  const { turn, number, back, copy } = button.dataset;
  const open = root();
  if (turn !== undefined && number !== undefined) {
    if (open.dataset.turn === turn && reveal(number, true)) return;
    window.temeiAsked = true;
    trigger('open_citation', { turn, number });
  } else if (button.classList.contains('whole')) {
    window.temeiAsked = true;
    trigger('open_whole', { turn: open.dataset.turn, number: open.dataset.current, document: open.dataset.document });
  } else if (back !== undefined) {
    const marker = document.querySelector(`#chat [data-turn="${back}"][data-number="${open.dataset.current}"]`);
    marker?.scrollIntoView({ block: 'center', behavior: calm() });
    marker?.focus({ preventScroll: true });
  } else if (copy !== undefined) {
    const label = button.textContent;
    navigator.clipboard?.writeText(copy).then(() => {
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 1500);
    });
  }
});

watch('value', () => {
  const asked = Boolean(window.temeiAsked);
  window.temeiAsked = false;
  requestAnimationFrame(() => {
    const open = root();
    if (!open) return;
    if (open.dataset.current && reveal(open.dataset.current, asked)) return;
    if (scrolls()) open.scrollTo({ top: 0 });
    else if (asked) open.scrollIntoView({ behavior: calm() });
  });
});
