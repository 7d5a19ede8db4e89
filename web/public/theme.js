// Runs before the first paint, so that a chosen theme does not flash in the other one. A file, because inline scripts are not allowed.
try {
  const theme = localStorage.getItem('sundew.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage may be forbidden; then the system's theme holds.
}
