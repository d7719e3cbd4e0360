// Runs once, when the bar appears. The page's language is the one chosen on it, else the first of the browser's
// languages that the page speaks, as ui/texts.py chooses it on the server.
const name = () => element.querySelector('.name');
const texts = () => JSON.parse(name()?.dataset.labels ?? '{}')[document.documentElement.lang] ?? {};
const gradio = JSON.parse(name()?.dataset.gradio ?? '{}');
const ours = () => new Map(Object.values(JSON.parse(name()?.dataset.labels ?? '{}'))
  .flatMap((said) => Object.entries(said).map(([key, text]) => [text, key])));

function speak() {
  const chosen = name()?.dataset.languageNow;
  const spoken = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  const language = chosen || spoken.find((tag) => ['ro', 'en'].includes(tag)) || 'en';
  document.documentElement.lang = language;
  element.querySelectorAll('[data-language]').forEach((button) =>
    button.setAttribute('aria-pressed', String(button.dataset.language === language)));
  label();
  show(document.documentElement.dataset.panel ?? 'middle');
}

// Says in the page's language what Gradio says in English or in the browser's: names of buttons, toasts.
const ATTRIBUTES = ['aria-label', 'title'];
const PLACES = '#chat :is([aria-label], [title]), [data-testid="toast-body"] [aria-label]';
function label() {
  const said = texts(), mine = ours();
  const key = (text) => gradio[text] ?? mine.get(text);
  const put = (one, attribute, text) => { if (text && one.getAttribute(attribute) !== text) one.setAttribute(attribute, text); };
  document.querySelectorAll('[data-label]').forEach((one) => {
    put(one, 'aria-label', said[one.dataset.label]);
    if (one.matches('input')) put(one, 'placeholder', said[one.dataset.label]);
  });
  document.querySelectorAll(PLACES).forEach((one) => {
    if (one.closest('.answer')) return;
    for (const attribute of ATTRIBUTES) {
      const now = one.getAttribute(attribute);
      if (!now) continue;
      const [who, ...what] = now.split(': ');
      if (["user's message", "bot's message"].includes(who)) {
        put(one, attribute, said[key(who)] + (key(who) === 'answer' ? '' : `: ${what.join(': ')}`));
      } else put(one, attribute, said[key(now)]);
    }
  });
  // The browser knows the names of all languages.
  const tongues = new Intl.DisplayNames([document.documentElement.lang || 'en'], { type: 'language', fallback: 'code' });
  document.querySelectorAll('[data-tongue]').forEach((one) => {
    let called = one.dataset.tongue;
    try { called = tongues.of(called); } catch { /* no language's code */ }
    if (one.textContent !== called) one.textContent = called;
  });
  for (const [place, word] of [['.submit-button', 'submit'], ['.stop-button', 'stop']]) {
    document.querySelectorAll(`#question ${place}`).forEach((one) => put(one, 'aria-label', said[word]));
  }
  document.querySelectorAll('[data-testid="toast-body"]').forEach((toast) => {
    const words = document.createTreeWalker(toast, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
      const now = words.currentNode.data.trim();
      const text = said[key(now)] ?? tooLarge(now, said);
      if (text && now !== text) words.currentNode.data = text;
    }
  });
}
// Gradio counts in MiB and calls them Mb.
function tooLarge(text, said) {
  const found = text.match(/^File\(s\) exceed the maximum allowed size of ([\d.]+) Mb: (.*)$/s);
  return found && said.too_large?.replace('{limit}', Math.round(found[1] * 1.048576)).replace('{names}', () => found[2]);
}
new MutationObserver(label).observe(document.body, { childList: true, subtree: true });

// Of several files chosen those that are too large stay behind, and are named; Gradio would refuse them all.
document.addEventListener('change', (event) => {
  const input = event.target, most = window.gradio_config?.max_file_size;
  if (!most || !input.matches?.('#left input[type=file]')) return;
  document.querySelector('#left .too-large')?.remove();
  const chosen = [...input.files], large = chosen.filter((file) => file.size > most);
  if (!large.length || large.length === chosen.length) return;
  const rest = new DataTransfer();
  chosen.filter((file) => file.size <= most).forEach((file) => rest.items.add(file));
  input.files = rest.files;
  const line = document.createElement('p');
  line.className = 'too-large failed';
  line.setAttribute('role', 'alert');
  line.textContent = texts().left_out?.replace('{limit}', Math.round(most / 1e6))
    .replace('{names}', () => large.map((file) => `"${file.name}"`).join(', ')) ?? '';
  document.querySelector('#added')?.after(line);
}, true);

// A narrow screen shows one panel at a time; a wide one takes no notice. There Back leaves the document, not the page.
const narrow = matchMedia('(max-width: 900px)');
window.addEventListener('popstate', () => { if (document.documentElement.dataset.panel === 'right') show('middle'); });
function show(panel) {
  const before = document.documentElement.dataset.panel;
  document.documentElement.dataset.panel = panel;
  if (panel === 'right' && before !== 'right' && narrow.matches) history.pushState({ temei: panel }, '');
  else if (panel !== 'right' && before === 'right' && history.state?.temei) history.back();
  element.querySelectorAll('[data-show]').forEach((button) =>
    button.setAttribute('aria-pressed', String(button.dataset.show === panel)));
  document.dispatchEvent(new CustomEvent('temei-panel', { detail: panel }));
}
window.temeiShow = show;

element.addEventListener('click', (event) => {
  const panel = event.target.closest?.('[data-show]')?.dataset.show;
  if (panel) show(panel);
  const language = event.target.closest?.('[data-language]')?.dataset.language;
  if (!language) return;
  const open = document.querySelector('#document-panel .document-panel');
  trigger('speak', { language, turn: open?.dataset.turn ?? '', number: open?.dataset.current ?? '' });
});

speak();
watch('value', speak);
