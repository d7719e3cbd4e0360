// Runs once, when the list of documents appears. Ticks that stay are the page's, not the browser's: the list may have changed.
const boxes = () => [...element.querySelectorAll('input[data-document]')];
const draw = () => boxes().forEach((box) => { box.checked = box.dataset.ticked === 'true'; });

function tick() {
  trigger('tick', { excluded: boxes().filter((box) => !box.checked).map((box) => box.dataset.document) });
}

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
    boxes().forEach((box) => { box.checked = button.dataset.every === 'true'; });
    tick();
  } else if (button.dataset.open) {
    window.temeiAsked = true;
    trigger('open_document', { document: button.dataset.open });
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
