/* valgrind's client requests are macros of inline assembly: only C can say them. Outside valgrind they do nothing. */
#include <stddef.h>
#include <valgrind/memcheck.h>

int taint_is_watched(void) { return RUNNING_ON_VALGRIND != 0; }

void taint_hide(void *bytes, size_t length) { (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes, length); }

void taint_reveal(void *bytes, size_t length) { (void)VALGRIND_MAKE_MEM_DEFINED(bytes, length); }
