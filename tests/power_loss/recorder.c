/*
 * Records what a process does to the files of one folder: to be preloaded (LD_PRELOAD) into the server under
 * test. What it is for, and how the record is read: tests/src/power_loss/.
 *
 * RECORDER_FOLDER  the folder, as an absolute path without links; SQLite's -shm in it is not recorded, for
 *                  it says nothing that outlives the power
 * RECORDER_LOG     where the record goes; not in that folder
 * RECORDER_LOSES   "commits": SQLite with synchronous=NORMAL is played, by pretending that the write-ahead log
 *                  was synced after a commit. "syncs": a disk that lies is played, by pretending all syncs.
 *
 * Invariant: one operation at a time, and its entry is in the log before the caller goes on. So whoever sees
 * what the caller does next, and then the length of the log, knows that the operation is within that length.
 *
 * Deliberately absent: mapped memory, fallocate, descriptors that were duplicated. The server uses none of
 * them on its database; that nothing went past the recorder is proved by playing the record and comparing
 * what comes out with the files.
 */
#define _GNU_SOURCE
/* The checked variants of these functions are inline, and can't be defined again. */
#undef _FORTIFY_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS_MAX 65536

enum operation { CREATE = 1, WRITE = 2, TRUNCATE = 3, SYNC = 4, UNLINK = 5 };

/* In the log, each is followed by the file's name and by the data. */
struct entry {
    uint64_t operation;
    uint64_t offset; /* of a write; the new length, of a truncation */
    uint64_t name_length;
    uint64_t data_length;
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX]; /* with a slash at its end; empty: nothing is recorded */
static int log_fd = -1;
static char *names[FDS_MAX]; /* of the recorded files, by their descriptors */

static enum { NOTHING, COMMITS, SYNCS } loses;
/* What was written to the write-ahead log since its last sync. */
static enum { NONE, HEADER, FRAMES } unsynced_in_log;

static void fail(const char *expected) {
    static const char who[] = "recorder: expected ";
    syscall(SYS_write, STDERR_FILENO, who, sizeof who - 1);
    syscall(SYS_write, STDERR_FILENO, expected, strlen(expected));
    syscall(SYS_write, STDERR_FILENO, "\n", 1);
    abort();
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("RECORDER_FOLDER"), *log = getenv("RECORDER_LOG");
    const char *lost = getenv("RECORDER_LOSES");
    if (!path || !log)
        return;
    if (strlen(path) + 2 > sizeof folder)
        fail("a shorter RECORDER_FOLDER");
    if (lost && !strcmp(lost, "commits"))
        loses = COMMITS;
    else if (lost && !strcmp(lost, "syncs"))
        loses = SYNCS;
    else if (lost)
        fail("RECORDER_LOSES to be \"commits\" or \"syncs\"");
    log_fd = syscall(SYS_openat, AT_FDCWD, log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0)
        fail("to open RECORDER_LOG");
    strcat(strcpy(folder, path), "/");
}

static int ends_with(const char *name, const char *end) {
    size_t length = strlen(name), end_length = strlen(end);
    return length >= end_length && !strcmp(name + length - end_length, end);
}

/* The name of a file in the folder, or nothing. */
static const char *recorded_name(const char *path) {
    size_t length = strlen(folder);
    if (!length || strncmp(path, folder, length) || ends_with(path, "-shm"))
        return NULL;
    return path + length;
}

static int recorded(int fd) {
    return fd >= 0 && fd < FDS_MAX && names[fd];
}

/* errno is kept: what it says is the caller's. */
static void append(enum operation operation, const char *name, uint64_t offset, const void *data, size_t length) {
    struct entry entry = {operation, offset, strlen(name), length};
    struct iovec parts[] = {{&entry, sizeof entry}, {(void *)name, strlen(name)}, {(void *)data, length}};
    int before = errno;
    if (syscall(SYS_writev, log_fd, parts, 3) != (long)(sizeof entry + entry.name_length + length))
        fail("to write the whole of an entry to the log");
    errno = before;
}

static int opened(int directory, const char *path, int flags, mode_t mode) {
    const char *name = recorded_name(path);
    if (!name)
        return syscall(SYS_openat, directory, path, flags, mode);
    pthread_mutex_lock(&turn);
    int fd = syscall(SYS_openat, directory, path, flags, mode);
    if (fd >= FDS_MAX)
        fail("fewer open files");
    if (fd >= 0) {
        if (!(names[fd] = strdup(name)))
            fail("memory");
        if (flags & O_CREAT)
            append(CREATE, name, 0, "", 0);
        if (flags & O_TRUNC)
            append(TRUNCATE, name, 0, "", 0);
    }
    pthread_mutex_unlock(&turn);
    return fd;
}

static void append_write(int fd, uint64_t offset, const void *data, size_t length) {
    if (ends_with(names[fd], "-wal"))
        unsynced_in_log = offset == 0 ? HEADER : FRAMES;
    append(WRITE, names[fd], offset, data, length);
}

static ssize_t written(int fd, const void *data, size_t length) {
    pthread_mutex_lock(&turn);
    ssize_t done = syscall(SYS_write, fd, data, length);
    if (done > 0)
        append_write(fd, lseek(fd, 0, SEEK_CUR) - done, data, done);
    pthread_mutex_unlock(&turn);
    return done;
}

static ssize_t written_at(int fd, const void *data, size_t length, int64_t offset) {
    if (!recorded(fd))
        return syscall(SYS_pwrite64, fd, data, length, offset);
    pthread_mutex_lock(&turn);
    ssize_t done = syscall(SYS_pwrite64, fd, data, length, offset);
    if (done > 0)
        append_write(fd, offset, data, done);
    pthread_mutex_unlock(&turn);
    return done;
}

static int truncated(int fd, int64_t length) {
    if (!recorded(fd))
        return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&turn);
    int result = syscall(SYS_ftruncate, fd, length);
    if (!result)
        append(TRUNCATE, names[fd], length, "", 0);
    pthread_mutex_unlock(&turn);
    return result;
}

/*
 * Whether the sync of this file that was asked for just now is one that is to be lost. SQLite syncs its log
 * after a new header, after a commit and before a checkpoint; with synchronous=NORMAL it leaves out the second,
 * which is the first sync after frames were written.
 */
static int is_lost(const char *name) {
    if (!ends_with(name, "-wal"))
        return loses == SYNCS;
    int after_frames = unsynced_in_log == FRAMES;
    unsynced_in_log = NONE;
    return loses == SYNCS || (loses == COMMITS && after_frames);
}

static int synced(int fd, long number) {
    if (!recorded(fd))
        return syscall(number, fd);
    pthread_mutex_lock(&turn);
    int result = 0;
    if (!is_lost(names[fd])) {
        result = syscall(number, fd);
        if (!result)
            append(SYNC, names[fd], 0, "", 0);
    }
    pthread_mutex_unlock(&turn);
    return result;
}

static mode_t mode_of(int flags, va_list rest) {
    /* O_TMPFILE has bits that others have too. */
    int makes = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    return makes ? va_arg(rest, mode_t) : 0;
}

#define OPEN(name)                                                                                             \
    int name(const char *path, int flags, ...) {                                                               \
        va_list rest;                                                                                          \
        va_start(rest, flags);                                                                                 \
        mode_t mode = mode_of(flags, rest);                                                                    \
        va_end(rest);                                                                                          \
        return opened(AT_FDCWD, path, flags, mode);                                                            \
    }
#define OPENAT(name)                                                                                           \
    int name(int directory, const char *path, int flags, ...) {                                                \
        va_list rest;                                                                                          \
        va_start(rest, flags);                                                                                 \
        mode_t mode = mode_of(flags, rest);                                                                    \
        va_end(rest);                                                                                          \
        return opened(directory, path, flags, mode);                                                           \
    }

OPEN(open)
OPENAT(openat)

int creat(const char *path, mode_t mode) {
    return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

ssize_t write(int fd, const void *data, size_t length) {
    return recorded(fd) ? written(fd, data, length) : syscall(SYS_write, fd, data, length);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    return written_at(fd, data, length, offset);
}

int ftruncate(int fd, off_t length) {
    return truncated(fd, length);
}

#ifdef __GLIBC__
/* Names of their own there, the same functions elsewhere. */
OPEN(open64)
OPENAT(openat64)

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    return written_at(fd, data, length, offset);
}

int ftruncate64(int fd, off64_t length) {
    return truncated(fd, length);
}
#endif

int fsync(int fd) {
    return synced(fd, SYS_fsync);
}

int fdatasync(int fd) {
    return synced(fd, SYS_fdatasync);
}

int unlink(const char *path) {
    const char *name = recorded_name(path);
    if (!name)
        return syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&turn);
    int result = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (!result)
        append(UNLINK, name, 0, "", 0);
    pthread_mutex_unlock(&turn);
    return result;
}

int close(int fd) {
    if (recorded(fd)) {
        pthread_mutex_lock(&turn);
        free(names[fd]);
        names[fd] = NULL;
        pthread_mutex_unlock(&turn);
    }
    return syscall(SYS_close, fd);
}

/* What SQLite does not do, and a record could not tell: */

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (recorded(fd))
        fail("no writev on a recorded file");
    return syscall(SYS_writev, fd, parts, count);
}

int rename(const char *from, const char *to) {
    if (recorded_name(from) || recorded_name(to))
        fail("no rename of a recorded file");
    return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
