// The files beside this one, embedded: a program needs no resources at run time.
#include "include/CTapestryPage.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const char html[] = {
#embed "page.html"
    , 0};
static const char css[] = {
#embed "page.css"
    , 0};
static const char engine[] = {
#embed "engine.js"
    , 0};
// In this order: constants are used below the place where they are made.
static const char view[] = {
#embed "page.js"
    ,
#embed "drawing.js"
    ,
#embed "pointer.js"
    ,
#embed "panels.js"
    ,
#embed "pad.js"
    ,
#embed "start.js"
    , 0};

const char *tapestry_page_html(void) { return html; }
const char *tapestry_page_css(void) { return css; }
const char *tapestry_page_engine(void) { return engine; }
const char *tapestry_page_view(void) { return view; }
