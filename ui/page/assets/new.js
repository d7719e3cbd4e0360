() => {
  window.temeiShow?.('middle');
  document.querySelector('#question textarea')?.focus();
  return [];
}
