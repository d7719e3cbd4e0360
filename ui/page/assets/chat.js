// Runs once, with the document panel. A new question is put at the top of the conversation, its answer below it.
const scroller = () => document.querySelector('#chat [role="log"]');
const written = () => document.querySelector('#question textarea');
let count = 0, waited = false;

// Says to a screen reader that the sources are searched, and then how many citations the answer has.
const region = document.createElement('div');
region.id = 'announce';
region.setAttribute('role', 'status');
(element.closest('.gradio-container') ?? document.body).append(region);
let asked = '';
function announce(log, waits, grew, questions) {
  if (waits || grew) asked ||= 'new';
  if (!asked) return;
  const labels = JSON.parse(document.querySelector('.name')?.dataset.labels ?? '{}');
  const said = labels[document.documentElement.lang];
  if (!said) {
    setTimeout(anchor, 300); // the words come with the beginning of the visit
  } else if (asked === 'new') {
    asked = 'told';
    region.textContent = said.pending;
    setTimeout(anchor, 300); // an answer may be there at once
  } else if (!waits && !document.querySelector('#question .stop-button')) {
    const answers = [...log?.querySelectorAll('.answer') ?? []];
    if (answers.length < questions) return; // Gradio shows an empty row before
    asked = '';
    if (!answers.length) return; // the question was taken back
    const answer = answers.at(-1);
    const number = new Set([...answer.querySelectorAll('.cite')].map((one) => one.dataset.number)).size;
    region.textContent = answer.matches('.abstained') ? said.no_ground
      : number === 1 ? said.answered_one : said.answered.replace('{count}', number);
  }
}

function anchor() {
  const log = scroller();
  const rows = log ? [...log.querySelectorAll('.message-row')] : [];
  const questions = rows.filter((row) => row.classList.contains('user-row'));
  const last = questions.at(-1), waits = Boolean(log?.querySelector('.answer.waiting'));
  if (last) {
    const list = last.closest('.message-wrap');
    const taken = rows.at(-1).getBoundingClientRect().bottom - last.getBoundingClientRect().top;
    const room = `${Math.max(16, Math.floor(log.clientHeight - taken - 24))}px`;
    if (list.style.paddingBottom !== room) list.style.paddingBottom = room;
    if (questions.length !== count || (waits && !waited)) {
      const top = last.getBoundingClientRect().top - log.getBoundingClientRect().top + log.scrollTop - 8;
      log.scrollTo({ top, behavior: 'auto' });
    }
  }
  const grew = questions.length === count + 1;
  count = questions.length;
  waited = waits;
  announce(log, waits, grew, questions.length);
  keepDraft();
}
const middle = document.querySelector('#middle') ?? document.body;
new MutationObserver(() => requestAnimationFrame(anchor)).observe(middle, { childList: true, subtree: true });
new ResizeObserver(anchor).observe(middle);

// What is written and not asked yet is there again after a reload; every tab has its own.
function keepDraft() {
  const box = written();
  if (box && box.dataset.restored) sessionStorage.setItem('temei-draft', box.value);
}
function restoreDraft() {
  const box = written();
  if (!box) return requestAnimationFrame(restoreDraft);
  box.dataset.restored = 'true';
  const draft = sessionStorage.getItem('temei-draft') ?? '';
  if (draft && !box.value) {
    box.value = draft;
    box.dispatchEvent(new Event('input', { bubbles: true }));
  }
  box.addEventListener('input', keepDraft);
  return undefined;
}
restoreDraft();
