// Runs once, when the drop zone appears. Files that are dropped or pasted anywhere go the way of the button "Add files".
const zone = element.querySelector('.begin'), paste = element.querySelector('#paste'), sheet = element.querySelector('#drop');
const most = Number(zone.dataset.most) + 1;  // one more, so that the server says how many it takes
(element.closest('.gradio-container') ?? document.body).append(paste, sheet);
const input = () => document.querySelector('#left input[type=file]');

function give(files) {
  if (!files.length || !input()) return;
  const given = new DataTransfer();
  files.slice(0, most).forEach((file) => given.items.add(file));
  input().files = given.files;
  input().dispatchEvent(new Event('change', { bubbles: true }));
}

// The files of a drop, those within folders too, except hidden ones.
async function filesOf(transfer) {
  const found = [];
  const entries = [...transfer.items].filter((item) => item.kind === 'file')
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  async function walk(entry) {
    if (found.length >= most) return;
    if (entry instanceof File) found.push(entry);
    else if (entry.isFile) found.push(await new Promise((done, failed) => entry.file(done, failed)));
    else {
      const reader = entry.createReader();
      let some;
      do {
        some = await new Promise((done, failed) => reader.readEntries(done, failed));
        for (const one of some) if (!one.name.startsWith('.')) await walk(one);
      } while (some.length && found.length < most);
    }
  }
  for (const entry of entries) await walk(entry);
  return found;
}

const hasFiles = (event) => [...event.dataTransfer?.types ?? []].includes('Files');
const over = (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  event.stopPropagation();
  sheet.hidden = false;
};
document.addEventListener('dragenter', over, true);
document.addEventListener('dragover', over, true);
document.addEventListener('dragleave', (event) => { if (!event.relatedTarget) sheet.hidden = true; }, true);
document.addEventListener('drop', (event) => {
  sheet.hidden = true;
  if (!hasFiles(event)) return;
  event.preventDefault();
  event.stopPropagation();
  filesOf(event.dataTransfer).then(give);
}, true);

// Pasted text becomes a file named after its first words.
function fileOf(text) {
  const words = text.replace(/[^\p{L}\p{M}\p{N}-]+/gu, ' ').trim().split(' ').slice(0, 6).join(' ').slice(0, 60);
  const suffix = /^#{1,6} |^\|.*\|\s*$/m.test(text) ? 'md' : 'txt';
  return new File([text], `${words || 'text'}.${suffix}`, { type: 'text/plain' });
}
function openPaste(text) {
  paste.querySelector('textarea').value = text;
  paste.returnValue = '';
  paste.showModal();
  paste.querySelector('textarea').focus();
}
paste.addEventListener('close', () => {
  const text = paste.querySelector('textarea').value;
  if (paste.returnValue === 'add' && text.trim()) give([fileOf(text)]);
});
document.addEventListener('paste', (event) => {
  if (event.target.closest?.('input, textarea, [contenteditable]')) return;
  const files = [...event.clipboardData?.files ?? []], text = event.clipboardData?.getData('text/plain') ?? '';
  if (files.length) give(files);
  else if (text.trim()) openPaste(text);
});

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('button');
  if (!button) return;
  if ('choose' in button.dataset) input()?.click();
  else if ('paste' in button.dataset) openPaste('');
  else if ('skip' in button.dataset) {
    window.temeiShow?.('middle');
    document.querySelector('#question textarea')?.focus();
  }
  else if ('shipped' in button.dataset) { button.disabled = true; trigger('shipped', {}); }
});

// What becomes of the files is said here, too, while the list of documents is out of sight or far away.
const told = () => document.querySelector('#added'), status = element.querySelector('.status');
const left = document.querySelector('#left') ?? document.body;
let before = '';
function report() {
  const said = told()?.querySelector('.added');
  if ((said?.innerHTML ?? '') === before) return;
  before = said?.innerHTML ?? '';
  status.replaceChildren(...said ? [said.cloneNode(true)] : []);
  if (said && !said.querySelector('.reading, .waiting')) element.querySelector('[data-shipped]').disabled = false;
  takeRefused();
}
// Files that were refused stay with their reason until they are dismissed, also over a reload.
const refused = () => document.querySelector('#tools .refused');
let reasons = JSON.parse(sessionStorage.getItem('temei-refused') ?? '[]');
function drawRefused() {
  sessionStorage.setItem('temei-refused', JSON.stringify(reasons));
  if (!refused()) return;
  refused().hidden = !reasons.length;
  refused().replaceChildren(...reasons.map((reason) => {
    const item = document.createElement('li'), away = document.createElement('button');
    item.className = 'failed';
    const [name, why] = [document.createElement('b'), document.createElement('span')];
    [name.textContent, why.textContent] = reason;
    away.type = 'button';
    away.dataset.dismiss = '';
    away.textContent = '×';
    away.setAttribute('aria-label', (zone.dataset[document.documentElement.lang] ?? zone.dataset.en) + ': ' + reason[0]);
    away.addEventListener('click', () => { reasons = reasons.filter((one) => one !== reason); drawRefused(); });
    item.append(name, ' ', why, away);
    return item;
  }));
}
function takeRefused() {
  const now = [...told()?.querySelectorAll('.failed') ?? []].map((line) =>
    [line.querySelector('b').textContent, line.querySelector('span').textContent]);
  const fresh = now.filter((one) => !taken.has(one.join('\n')));
  fresh.forEach((one) => taken.add(one.join('\n')));
  if (!now.length) taken.clear();
  if (!fresh.length) return;
  const names = new Set(fresh.map(([name]) => name));
  reasons = [...reasons.filter(([name]) => !names.has(name)), ...fresh].slice(-50);
  drawRefused();
}
const taken = new Set();
drawRefused();
new MutationObserver(report).observe(left, { childList: true, subtree: true, characterData: true });
document.addEventListener('temei-sources', (event) => {
  if (input()) input().accept = zone.dataset.accept;
  drawRefused();  // the page's language is known by now
  if (event.detail.first) document.querySelector('#question textarea')?.focus();
});
