/* page.h - a manual page for whoever asks: rendered on a terminal, as its source everywhere else. */
#ifndef POSTERN_PAGE_H
#define POSTERN_PAGE_H

#include <stdio.h>

/* print: writes the source, in mdoc. */
void page_show(void (*print)(FILE *to));

#endif
