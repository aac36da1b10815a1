// Sorting one row of items, each a key and a place: included by sorting.c with ITEM, KEY, KEY_BITS, ITEM_KEY,
// ITEM_PLACE, MAKE_ITEM, SORTED (for names) and KEY_OF.

static void SORTED(insertion)(int64_t n, ITEM *items) {
  for (int64_t i = 1; i < n; i++) {
    ITEM item = items[i];
    int64_t j = i;
    for (; j > 0 && ITEM_KEY(items[j - 1]) > ITEM_KEY(item); j--) items[j] = items[j - 1];
    items[j] = item;
  }
}

/// One pass by radix over stretches of the row: each counts its digits, then puts its items where no other does.
typedef struct {
  int64_t count, stretches;
  int shift, digits;
  const ITEM *from;
  ITEM *to;
  uint32_t *counts;  // [stretches, digits]
} SORTED(radix_pass);

static void SORTED(count_digits)(void *context, int64_t stretch) {
  const SORTED(radix_pass) *pass = context;
  int64_t begin = pass->count * stretch / pass->stretches, end = pass->count * (stretch + 1) / pass->stretches;
  uint32_t *counts = pass->counts + stretch * pass->digits, mask = (uint32_t)pass->digits - 1;
  memset(counts, 0, (size_t)pass->digits * sizeof *counts);
  for (int64_t i = begin; i < end; i++) counts[(uint32_t)(ITEM_KEY(pass->from[i]) >> pass->shift) & mask]++;
}

static void SORTED(place_items)(void *context, int64_t stretch) {
  const SORTED(radix_pass) *pass = context;
  int64_t begin = pass->count * stretch / pass->stretches, end = pass->count * (stretch + 1) / pass->stretches;
  uint32_t *next = pass->counts + stretch * pass->digits, mask = (uint32_t)pass->digits - 1;
  for (int64_t i = begin; i < end; i++) {
    ITEM item = pass->from[i];
    pass->to[next[(uint32_t)(ITEM_KEY(item) >> pass->shift) & mask]++] = item;
  }
}

/// Sorts `items`; the result is in what it returns, one of the two arrays.
static ITEM *SORTED(by_radix)(int64_t n, ITEM *items, ITEM *others, bool shares) {
  int digit_bits = n < short_row ? 8 : 11, digits = 1 << digit_bits;
  int64_t stretches = shares ? n / (long_row / 8) : 1;
  if (stretches > most_stretches) stretches = most_stretches;
  uint32_t few[1 << 11];
  size_t bytes = (size_t)(stretches * digits) * sizeof(uint32_t);
  uint32_t *counts = stretches > 1 ? tapestry_allocate(bytes) : few;
  for (int shift = 0; shift < KEY_BITS; shift += digit_bits) {
    SORTED(radix_pass) pass = {n, stretches, shift, digits, items, others, counts};
    if (stretches > 1) tapestry_parallel(stretches, &pass, SORTED(count_digits));
    else SORTED(count_digits)(&pass, 0);
    uint32_t before = 0;
    bool differs = true;
    for (int digit = 0; digit < digits; digit++) {
      uint32_t first = before;
      for (int64_t stretch = 0; stretch < stretches; stretch++) {
        uint32_t these = counts[stretch * digits + digit];
        counts[stretch * digits + digit] = before;
        before += these;
      }
      if (before - first == n) differs = false;
    }
    if (!differs) continue;
    if (stretches > 1) tapestry_parallel(stretches, &pass, SORTED(place_items));
    else SORTED(place_items)(&pass, 0);
    ITEM *sorted = others;
    others = items;
    items = sorted;
  }
  if (stretches > 1) tapestry_release(counts, bytes);
  return items;
}

/// Runs of `run` items by insertion, then merged two by two; the result is in what it returns.
static ITEM *SORTED(by_merging)(int64_t n, ITEM *items, ITEM *others) {
  enum { run = 12 };
  for (int64_t i = 0; i < n; i += run) SORTED(insertion)(n - i < run ? n - i : run, items + i);
  for (int64_t width = run; width < n; width *= 2) {
    for (int64_t begin = 0; begin < n; begin += 2 * width) {
      int64_t middle = begin + width < n ? begin + width : n, end = begin + 2 * width < n ? begin + 2 * width : n;
      int64_t i = begin, j = middle;
      for (int64_t to = begin; to < end; to++) {
        bool left = j == end || (i < middle && ITEM_KEY(items[i]) <= ITEM_KEY(items[j]));
        others[to] = items[left ? i : j];
        i += left;
        j += !left;
      }
    }
    ITEM *merged = others;
    others = items;
    items = merged;
  }
  return items;
}

static ITEM *SORTED(sorted)(int64_t n, ITEM *items, ITEM *others, bool shares) {
  return n > by_merging ? SORTED(by_radix)(n, items, others, shares) : SORTED(by_merging)(n, items, others);
}

/// Whether a comes after b.
static inline bool SORTED(is_after)(ITEM a, ITEM b) {
  return ITEM_KEY(a) > ITEM_KEY(b) || (ITEM_KEY(a) == ITEM_KEY(b) && ITEM_PLACE(a) > ITEM_PLACE(b));
}

static void SORTED(sift_down)(int64_t n, ITEM *heap, int64_t at, ITEM item) {
  for (;;) {
    int64_t child = 2 * at + 1;
    if (child >= n) break;
    if (child + 1 < n && SORTED(is_after)(heap[child + 1], heap[child])) child++;
    if (!SORTED(is_after)(heap[child], item)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = item;
}

/// The first k of the order to the front: a heap of the k best so far whose top is the last of them, then taken apart
/// from the top. Later items with the key of the top do not displace it.
static void SORTED(gather_first)(int64_t n, ITEM *items, int64_t k) {
  for (int64_t i = k / 2 - 1; i >= 0; i--) SORTED(sift_down)(k, items, i, items[i]);
  for (int64_t i = k; i < n; i++)
    if (ITEM_KEY(items[i]) < ITEM_KEY(items[0])) SORTED(sift_down)(k, items, 0, items[i]);
  for (int64_t left = k - 1; left > 0; left--) {
    ITEM last = items[0];
    SORTED(sift_down)(left, items, 0, items[left]);
    items[left] = last;
  }
}

/// Number `place` of the order: by its digits from the highest down, keeping only the items that agree so far, in
/// order.
static ITEM SORTED(selected)(int64_t n, ITEM *items, int64_t place) {
  enum { digit_bits = 8, digits = 1 << digit_bits };
  for (int shift = KEY_BITS - digit_bits; shift >= 0 && n > 1; shift -= digit_bits) {
    uint32_t counts[digits] = {0};
    for (int64_t i = 0; i < n; i++) counts[(uint32_t)(ITEM_KEY(items[i]) >> shift) & (digits - 1)]++;
    uint32_t digit = 0;
    while (place >= counts[digit]) place -= counts[digit++];
    if (counts[digit] == n) continue;
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
      if (((uint32_t)(ITEM_KEY(items[i]) >> shift) & (digits - 1)) == digit) items[kept++] = items[i];
    n = kept;
  }
  return items[place];
}

static void SORTED(row)(
    const sort_job *job, int64_t outer, int64_t column, void *first_items, void *other_items, bool shares) {
  ITEM *items = first_items, chosen;
  int64_t n = job->count, inner = job->inner, kept = job->kept;
  const KEY *x = (const KEY *)job->x + outer * n * inner + column;
  const KEY flip = job->descending ? (KEY) ~(KEY)0 : 0;
  for (int64_t i = 0; i < n; i++) {
    KEY key = KEY_OF(x[i * inner]) ^ flip;
    items[i] = MAKE_ITEM(key, i);
  }
  if (job->selects) {
    chosen = SORTED(selected)(n, items, job->place);
    items = &chosen;
  } else if (kept > 0 && kept <= n / 8) {
    SORTED(gather_first)(n, items, kept);
  } else if (kept > 0) {
    items = SORTED(sorted)(n, items, other_items, shares);
  }
  KEY *values = job->values ? (KEY *)job->values + outer * kept * inner + column : NULL;
  int64_t *indices = job->indices + outer * kept * inner + column;
  for (int64_t i = 0; i < kept; i++) {
    int64_t place = ITEM_PLACE(items[i]);
    indices[i * inner] = place;
    if (values) values[i * inner] = x[place * inner];
  }
}

#undef ITEM
#undef KEY
#undef KEY_BITS
#undef ITEM_KEY
#undef ITEM_PLACE
#undef MAKE_ITEM
#undef SORTED
#undef KEY_OF
