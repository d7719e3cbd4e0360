// Runs once, with the heading of the list of conversations. Every tab holds one conversation and finds it again.
const list = () => document.querySelector('#conversations-list');
function note() {
  const shown = list()?.querySelector('.conversations');
  if (shown) sessionStorage.setItem('temei-open', shown.dataset.current);
  document.documentElement.dataset.conversations = list()?.querySelectorAll('.talk').length || element.querySelector('input').value ? 'some' : 'none';
  const day = new Intl.DateTimeFormat(document.documentElement.lang || 'en', { day: 'numeric', month: 'short' });
  list()?.querySelectorAll('time').forEach((one) => { one.textContent = day.format(new Date(one.dateTime)); });
}
if (list()) new MutationObserver((changes) => {
  if (changes.some((change) => change.target.tagName !== 'TIME')) note();
}).observe(list(), { childList: true, subtree: true });
note();

let typing;
element.addEventListener('input', (event) => {
  clearTimeout(typing);
  typing = setTimeout(() => trigger('find', { words: event.target.value }), 200);
});

function rename(button) {
  const talk = button.closest('li').querySelector('.talk'), input = document.createElement('input');
  input.value = talk.querySelector('span').textContent;
  input.maxLength = 120;
  input.setAttribute('aria-label', button.title);
  let done = false;
  const end = (keep) => {
    if (done) return;
    done = true;
    input.replaceWith(talk);
    talk.focus();
    if (keep && input.value.trim()) trigger('rename', { conversation: button.dataset.rename, name: input.value });
  };
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' || event.key === 'Escape') { event.preventDefault(); end(event.key === 'Enter'); }
  });
  input.addEventListener('blur', () => end(true));
  talk.replaceWith(input);
  input.select();
}
document.addEventListener('click', (event) => {
  const button = event.target.closest?.('#conversations-list button');
  if (!button) return;
  const { conversation, rename: renamed, forget, restore } = button.dataset;
  if (conversation) { window.temeiShow?.('middle'); trigger('open', { conversation }); }
  else if (renamed) rename(button);
  else if (forget) trigger('forget', { conversation: forget });
  else if (restore) trigger('restore', { conversation: restore });
});
