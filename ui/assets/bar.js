// Runs once, when the bar appears. The page's language is the one chosen on it, else the first of the browser's
// languages that the page speaks, as ui/texts.py chooses it on the server.
function speak() {
  const chosen = element.querySelector('.name')?.dataset.languageNow;
  const spoken = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  const language = chosen || spoken.find((tag) => ['ro', 'en'].includes(tag)) || 'en';
  document.documentElement.lang = language;
  element.querySelectorAll('[data-language]').forEach((button) =>
    button.setAttribute('aria-pressed', String(button.dataset.language === language)));
  label();
}

// Gives Gradio's buttons that have no name, or an English one only, a name in the page's language.
function label() {
  const labels = JSON.parse(element.querySelector('.name')?.dataset.labels ?? '{}')[document.documentElement.lang] ?? {};
  const named = { '#question .submit-button': 'submit', '#question .stop-button': 'stop', '#chat [title="Copy message"]': 'copy_question' };
  for (const [selector, key] of Object.entries(named)) {
    document.querySelectorAll(selector).forEach((button) => {
      if (labels[key] && button.ariaLabel !== labels[key]) button.ariaLabel = labels[key];
    });
  }
}

new MutationObserver(label).observe(document.body, { childList: true, subtree: true });

element.addEventListener('click', (event) => {
  const language = event.target.closest?.('[data-language]')?.dataset.language;
  if (!language) return;
  const open = document.querySelector('#reader .reader');
  trigger('speak', { language, turn: open?.dataset.turn ?? '', number: open?.dataset.current ?? '' });
});

speak();
watch('value', speak);
