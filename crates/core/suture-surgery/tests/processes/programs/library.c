/* A library with a symbol in two versions; VALUE tells builds of it apart. */
int first_wins(void) { return VALUE; }

__attribute__((weak)) int weak_one(void) { return VALUE; }

#ifdef VERSIONED
int old_one(void) { return VALUE; }
int new_one(void) { return VALUE + 1; }
__asm__(".symver old_one, changed@OLD_1");
__asm__(".symver new_one, changed@@NEW_2");
/* Only for references that name the version. */
__asm__(".symver old_one, retired@OLD_1");
#else
int weak_one_user(void) { return weak_one(); }
#endif
