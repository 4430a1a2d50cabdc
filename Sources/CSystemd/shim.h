// libsystemd for Swift: readiness and status, the watchdog, inherited sockets, the journal.
#ifndef CSYSTEMD_SHIM_H
#define CSYSTEMD_SHIM_H

// Otherwise every journal record would carry the C source line of this header.
#define SD_JOURNAL_SUPPRESS_LOCATION

#include <sys/uio.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

#endif
