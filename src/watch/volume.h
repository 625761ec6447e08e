/* volume.h - volume.limit (1025200): limits over windows. As a part it is volume_part in part.h; `part` below is what its make()
 * gave. */
#ifndef WATCH_VOLUME_H
#define WATCH_VOLUME_H

#include <stdint.h>

/* Times that somebody's windows were forgotten before they were over, or could not take in what he did: there was no room. His
 * limits begin anew then. */
uint64_t volume_windows_lost(const void *part);
/* Times that somebody did more than one may remember each time of: his windows are less exact since, see window.h. */
uint64_t volume_windows_thinned(const void *part);

#endif
