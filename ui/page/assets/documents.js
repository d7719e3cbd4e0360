// Runs once, when the list of documents appears. Ticks that stay are the page's, not the browser's: the list may have changed.
const boxes = () => [...element.querySelectorAll('input[data-document]')];
function draw() {
  boxes().forEach((box) => { box.checked = box.dataset.ticked === 'true'; });
  if (!element.querySelector('.documents')) return;  // not told yet
  const before = document.documentElement.dataset.sources, count = boxes().length;
  document.documentElement.dataset.sources = count;  // the style sheet shows the drop zone where there are none
  arrange();
  if (inside && !element.contains(document.activeElement)) rove(true);
  if (!restored) restoreTicks();
  restored = true;
  document.dispatchEvent(new CustomEvent('temei-sources', { detail: { first: before === '0' && count > 0 } }));
}

// Of many documents: the filter hides, the order sorts, and both stay when the list is drawn anew.
const tools = document.querySelector('#tools .tools'), filter = tools.querySelector('input');
const plain = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
const items = () => [...element.querySelectorAll('li')];
const shownBoxes = () => boxes().filter((box) => !box.closest('li').hidden);
let order = 'name';
function arrange() {
  const words = plain(filter.value).split(/\s+/).filter(Boolean);
  const list = element.querySelector('ul');
  const name = (item) => item.querySelector('.open span').textContent;
  const by = {
    name: (one, other) => name(one).localeCompare(name(other)),
    new: (one, other) => other.dataset.new.localeCompare(one.dataset.new),
    long: (one, other) => Number(other.dataset.long) - Number(one.dataset.long),
  }[order];
  items().sort(by).forEach((item, at) => {
    if (list.children[at] !== item) list.insertBefore(item, list.children[at]);
    const said = plain(item.querySelector('.open').textContent);
    item.hidden = !words.every((word) => said.includes(word));
  });
  tools.hidden = items().length < 6 && !filter.value;
  rove();
}
filter.addEventListener('input', arrange);
tools.addEventListener('click', (event) => {
  const chosen = event.target.closest?.('[data-order]');
  if (!chosen) return;
  order = chosen.dataset.order;
  tools.querySelectorAll('[data-order]').forEach((one) => one.setAttribute('aria-pressed', String(one === chosen)));
  arrange();
});

// The list is one stop of the Tab key; the arrows move in it.
const rows = () => items().filter((item) => !item.hidden).map((item) => [...item.querySelectorAll('input, button')]);
let row = 0, column = 1, inside = false;
function rove(focus) {
  const all = rows();
  if (!all.length) return;
  row = Math.max(0, Math.min(row, all.length - 1));
  column = Math.max(0, Math.min(column, all[row].length - 1));
  all.flat().forEach((one) => { one.tabIndex = -1; });
  all[row][column].tabIndex = 0;
  if (focus) all[row][column].focus();
}
element.addEventListener('focusin', (event) => {
  const all = rows(), at = all.findIndex((controls) => controls.includes(event.target));
  inside = at >= 0;
  if (!inside) return;
  row = at;
  column = all[at].indexOf(event.target);
  rove();
});
element.addEventListener('focusout', (event) => { if (event.relatedTarget) inside = false; });
element.addEventListener('keydown', (event) => {
  if (!event.target.closest?.('li')) return;
  const moves = {
    ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1],
    Home: [0, column], End: [rows().length - 1, column],
  }[event.key];
  if (!moves) return;
  event.preventDefault();
  [row, column] = moves;
  rove(true);
});

// Ticks are there again after a reload; every tab has its own.
function tick() {
  const excluded = boxes().filter((box) => !box.checked).map((box) => box.dataset.document);
  sessionStorage.setItem('temei-excluded', JSON.stringify(excluded));
  trigger('tick', { excluded });
}
function restoreTicks() {
  const excluded = new Set(JSON.parse(sessionStorage.getItem('temei-excluded') ?? '[]'));
  const out = boxes().filter((box) => box.checked && excluded.has(box.dataset.document));
  out.forEach((box) => { box.checked = false; });
  if (out.length) tick();
}
let restored = false;

function disarm(button) {
  if (!button.dataset.armed) return;
  delete button.dataset.armed;
  button.textContent = button.dataset.said;
}

element.addEventListener('change', (event) => {
  if (event.target.matches('input[data-document]')) tick();
});

element.addEventListener('click', (event) => {
  const button = event.target.closest?.('button');
  if (!button) return;
  if (button.dataset.every) {
    shownBoxes().forEach((box) => { box.checked = button.dataset.every === 'true'; });
    tick();
  } else if (button.dataset.open) {
    window.temeiAsked = true;
    trigger('open_document', { document: button.dataset.open });
  } else if (button.dataset.undo) {
    button.disabled = true;
    trigger('put_back', { document: button.dataset.undo });
  } else if (button.dataset.armed) {
    disarm(button);
    if (button.dataset.remove) trigger('remove', { document: button.dataset.remove });
    else trigger('replace', { document: button.dataset.replace });
  } else if (button.dataset.remove || button.dataset.replace) {
    button.dataset.armed = 'true';
    button.dataset.said = button.textContent;
    button.textContent = button.dataset.sure;
    setTimeout(() => disarm(button), 4000);
  }
});

watch('value', draw);
