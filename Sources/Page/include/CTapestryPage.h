// The parts of the page that explains a net: its frame, style, forward pass and view, as text.
#ifndef CTAPESTRY_PAGE_H
#define CTAPESTRY_PAGE_H

/// The HTML with marks such as @CSS@ where the other parts belong.
const char *tapestry_page_html(void);
const char *tapestry_page_css(void);
const char *tapestry_page_engine(void);
const char *tapestry_page_view(void);

#endif
