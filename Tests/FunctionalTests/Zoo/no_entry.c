/* Exports nothing that Apus knows. */
int answer(void);
int answer(void) { return 42; }
