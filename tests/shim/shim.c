/*
 * Stands between a process and its files (LD_PRELOAD), so that tests can see and break every step
 * by which it changes the files below one folder: those of the libraries it uses included.
 *
 *   SHIM_DIR     the folder; an absolute path without links in it
 *   SHIM_LOG     a file outside of it, to which every step is appended once it has taken effect
 *   SHIM_FAULT   "ACTION CALL WHERE NTH ERRNO", see below; absent: nothing is broken
 *   SHIM_CLOCK   seconds by which the clock of the day is ahead; negative: behind
 *
 * One lock is held over each step and its record, so the log's order is the order of the effects,
 * and whatever the process tells anybody, the steps that came before it are in the log by then.
 *
 * A record is one line, followed by the bytes that were written unless they are all zero:
 *
 *   CALL INODE OFFSET LENGTH HOW \t PATH \t SECOND PATH \n
 *
 * HOW is "data", "zeros", "-" (nothing follows), or "failed" (broken on purpose; of what it should
 * have done nothing was). Paths are relative to the folder. The calls:
 *
 *   create mkdir rename unlink rmdir     names; OFFSET and LENGTH are 0
 *   write pwrite                         LENGTH bytes at OFFSET
 *   truncate                             LENGTH is the new one
 *   allocate                             the file reaches LENGTH at least
 *   fsync fdatasync sync_file_range      recorded and not done: what of a file is durable is for
 *                                        the reader of the log to work out, and no disk is waited for
 *   open                                 an existing file for writing; never recorded
 *   struck                               before a step at which the fault strikes; no step itself
 *
 * A fault strikes the NTH step (from 1) whose call matches CALL (names divided by '|', or '*') and
 * whose path matches WHERE (a pattern in which '*' stands for anything, '/' too):
 *
 *   fail   it fails with ERRNO and does nothing
 *   half   of a write half is done, and the next write to that file fails with ERRNO
 *   short  of a write half is done, once, as the operating system may do at any time
 *   stay   it fails, and so do all later ones that match
 *   full   from then on no matching write reaches beyond what its file has; ERRNO is ENOSPC
 *   kill   the process kills itself before the step
 *   tear   the process kills itself after half of the write
 *   hang   the step does not end, as on a disk that does not answer, and neither does a later one
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FILES 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *dir;
static size_t dir_length;
static int log_file = -1;
/* The path of each open file below the folder, as it was opened. */
static char *paths[FILES];

static struct {
  char action[16], calls[128], where[PATH_MAX];
  long nth, seen;
  int error;
  /* The file on which the next write fails after half of one. */
  ino_t failing;
} fault;

static int (*real_openat)(int, const char *, int, ...);
static int (*real_close)(int);
static int (*real_closedir)(DIR *);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_fallocate)(int, int, off_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_sync_file_range)(int, off_t, off_t, unsigned);
static int (*real_renameat)(int, const char *, int, const char *);
static int (*real_unlinkat)(int, const char *, int);
static int (*real_mkdirat)(int, const char *, mode_t);

static void die(const char *what) {
  fprintf(stderr, "shim: %s: %s\n", what, strerror(errno));
  abort();
}

__attribute__((constructor)) static void begin(void) {
#define REAL(name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name)
  REAL(openat), REAL(close), REAL(closedir), REAL(write), REAL(pwrite), REAL(ftruncate);
  REAL(fallocate), REAL(fsync), REAL(fdatasync), REAL(sync_file_range), REAL(renameat);
  REAL(unlinkat), REAL(mkdirat);
  const char *path = getenv("SHIM_LOG"), *wanted = getenv("SHIM_FAULT");
  if (!getenv("SHIM_DIR") || !path) return;
  if (wanted && sscanf(wanted, "%15s %127s %4095s %ld %d", fault.action, fault.calls, fault.where,
                       &fault.nth, &fault.error) != 5)
    die("SHIM_FAULT is not ACTION CALL WHERE NTH ERRNO");
  log_file = real_openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (log_file < 0) die("SHIM_LOG cannot be opened");
  dir = getenv("SHIM_DIR");
  dir_length = strlen(dir);
}

/* The part of an absolute path below the folder; NULL if it lies elsewhere. */
static const char *below(const char *path) {
  if (!dir || strncmp(path, dir, dir_length) != 0) return NULL;
  return path[dir_length] == '/' ? path + dir_length + 1 : path[dir_length] ? NULL : ".";
}

/* The same of a path as it is given to a call; `whole` has PATH_MAX bytes for it. */
static const char *resolve(int at, const char *path, char *whole) {
  char link[64];
  ssize_t length = 0;
  if (!dir) return NULL;
  if (path[0] != '/') {
    snprintf(link, sizeof link, at == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", at);
    length = readlink(link, whole, PATH_MAX - 2);
    if (length < 0) return NULL;
    whole[length++] = '/';
  }
  snprintf(whole + length, PATH_MAX - (size_t)length, "%s", path);
  size_t end = strlen(whole);
  while (end > 1 && whole[end - 1] == '/') whole[--end] = 0;
  return below(whole);
}

static const char *path_of(int file) {
  return file >= 0 && file < FILES ? paths[file] : NULL;
}

static struct stat status(int file) {
  struct stat found = {0};
  if (fstat(file, &found) != 0) die("fstat");
  return found;
}

static void put(const void *bytes, size_t length) {
  while (length > 0) {
    ssize_t done = real_write(log_file, bytes, length);
    if (done < 0) die("SHIM_LOG cannot be written");
    bytes = (const char *)bytes + done;
    length -= (size_t)done;
  }
}

static void record(const char *call, ino_t inode, off_t offset, size_t length, const char *how,
                   const char *path, const char *second) {
  char line[3 * PATH_MAX];
  int size = snprintf(line, sizeof line, "%s %lu %ld %zu %s\t%s\t%s\n", call,
                      (unsigned long)inode, (long)offset, length, how, path, second);
  put(line, (size_t)size);
}

static int is(const char *action) { return strcmp(fault.action, action) == 0; }

/* Whether this step is one that the fault is about and its turn has come. */
static int struck(const char *call, const char *path) {
  char calls[sizeof fault.calls], *rest = calls, *one;
  int named = 0;
  if (!fault.nth) return 0;
  memcpy(calls, fault.calls, sizeof calls);
  while ((one = strsep(&rest, "|"))) named |= !strcmp(one, call) || !strcmp(one, "*");
  if (!named || fnmatch(fault.where, path, 0) != 0) return 0;
  fault.seen++;
  int turn = fault.seen == fault.nth || (fault.seen > fault.nth && (is("stay") || is("full")));
  if (turn) record("struck", 0, 0, 0, "-", path, "");
  /* The lock stays taken. */
  while (turn && is("hang")) pause();
  return turn;
}

static void kill_now(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Breaks a step that is no write: true if it fails, with the error set. */
static int broken(const char *call, ino_t inode, const char *path, const char *second) {
  if (!struck(call, path)) return 0;
  if (is("kill")) kill_now();
  record(call, inode, 0, 0, "failed", path, second);
  errno = fault.error;
  return 1;
}

/* How much of a write may be done; -1 if it fails, with the error set. */
static ssize_t allowed(int file, const char *call, size_t length, off_t offset) {
  struct stat found = status(file);
  int turn = struck(call, paths[file]);
  if (fault.failing && fault.failing == found.st_ino) {
    fault.failing = 0;
    turn = 1;
  } else if (!turn || !length) {
    return (ssize_t)length;
  } else if (is("kill")) {
    kill_now();
  } else if (is("full") && offset + (off_t)length <= found.st_size) {
    return (ssize_t)length;
  } else if (is("full") && offset < found.st_size) {
    return found.st_size - offset;
  } else if (is("short") && length == 1) {
    return 1;
  } else if ((is("half") || is("short") || is("tear")) && length > 1) {
    if (is("half")) fault.failing = found.st_ino;
    return (ssize_t)length / 2;
  }
  record(call, found.st_ino, offset, length, "failed", paths[file], "");
  errno = fault.error;
  return -1;
}

static void record_write(int file, const char *call, const char *bytes, size_t length, off_t offset) {
  int zeros = length > 0 && bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
  record(call, status(file).st_ino, offset, length, zeros ? "zeros" : "data", paths[file], "");
  if (!zeros) put(bytes, length);
}

/* A write at `offset`, or, if that is negative, where the file stands. */
static ssize_t written(int file, const char *call, const void *bytes, size_t length, off_t offset) {
  pthread_mutex_lock(&lock);
  off_t place = offset >= 0 ? offset : lseek(file, 0, SEEK_CUR);
  if (offset < 0 && fcntl(file, F_GETFL) & O_APPEND) place = status(file).st_size;
  long before = fault.seen;
  ssize_t done = allowed(file, call, length, place);
  if (done > 0) {
    size_t part = (size_t)done;
    done = offset >= 0 ? real_pwrite(file, bytes, part, offset) : real_write(file, bytes, part);
  }
  int error = errno;
  if (done > 0) record_write(file, call, bytes, (size_t)done, place);
  if (is("tear") && before < fault.nth && fault.seen == fault.nth) kill_now();
  pthread_mutex_unlock(&lock);
  errno = error;
  return done;
}

ssize_t write(int file, const void *bytes, size_t length) {
  return path_of(file) ? written(file, "write", bytes, length, -1) : real_write(file, bytes, length);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset) {
  if (!path_of(file)) return real_pwrite(file, bytes, length, offset);
  return written(file, "pwrite", bytes, length, offset);
}

/* Writes of several pieces: one piece at a time, which is a short write to the caller. */
ssize_t writev(int file, const struct iovec *pieces, int count) {
  static ssize_t (*real)(int, const struct iovec *, int);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "writev");
  if (!path_of(file)) return real(file, pieces, count);
  int first = 0;
  while (first < count - 1 && pieces[first].iov_len == 0) first++;
  return written(file, "write", pieces[first].iov_base, pieces[first].iov_len, -1);
}

ssize_t pwritev(int file, const struct iovec *pieces, int count, off_t offset) {
  static ssize_t (*real)(int, const struct iovec *, int, off_t);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "pwritev");
  if (!path_of(file)) return real(file, pieces, count, offset);
  int first = 0;
  while (first < count - 1 && pieces[first].iov_len == 0) first++;
  return written(file, "pwrite", pieces[first].iov_base, pieces[first].iov_len, offset);
}

int openat(int at, const char *path, int flags, ...) {
  char whole[PATH_MAX];
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  const char *ours = resolve(at, path, whole);
  if (!ours) return real_openat(at, path, flags, mode);
  pthread_mutex_lock(&lock);
  struct stat before;
  int there = stat(whole, &before) == 0;
  int file = -1, creates = flags & O_CREAT && !there;
  int writes = (flags & O_ACCMODE) != O_RDONLY;
  if (!(creates || writes) || !broken(creates ? "create" : "open", 0, ours, ""))
    file = real_openat(at, path, flags, mode);
  int error = errno;
  if (file >= FILES) die("too many files are open");
  if (file >= 0) {
    ino_t inode = status(file).st_ino;
    paths[file] = strdup(ours);
    if (creates) record("create", inode, 0, 0, "-", ours, "");
    if (flags & O_TRUNC && there && before.st_size > 0)
      record("truncate", inode, 0, 0, "-", ours, "");
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return file;
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return openat(AT_FDCWD, path, flags, mode);
}

static void forget(int file) {
  pthread_mutex_lock(&lock);
  if (path_of(file)) {
    free(paths[file]);
    paths[file] = NULL;
  }
  pthread_mutex_unlock(&lock);
}

int close(int file) {
  forget(file);
  return real_close(file);
}

int closedir(DIR *stream) {
  forget(dirfd(stream));
  return real_closedir(stream);
}

int ftruncate(int file, off_t length) {
  if (!path_of(file)) return real_ftruncate(file, length);
  pthread_mutex_lock(&lock);
  ino_t inode = status(file).st_ino;
  int result = -1;
  if (!broken("truncate", inode, paths[file], "")) result = real_ftruncate(file, length);
  int error = errno;
  if (result == 0) record("truncate", inode, 0, (size_t)length, "-", paths[file], "");
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int fallocate(int file, int mode, off_t offset, off_t length) {
  if (!path_of(file)) return real_fallocate(file, mode, offset, length);
  pthread_mutex_lock(&lock);
  ino_t inode = status(file).st_ino;
  int result = -1;
  if (mode != 0) die("fallocate is used in a way that the shim does not know");
  if (!broken("allocate", inode, paths[file], ""))
    result = real_fallocate(file, mode, offset, length);
  int error = errno;
  if (result == 0) record("allocate", inode, 0, (size_t)(offset + length), "-", paths[file], "");
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int posix_fallocate(int file, off_t offset, off_t length) {
  return fallocate(file, 0, offset, length) == 0 ? 0 : errno;
}

/* A sync of any kind is recorded, not done. */
static int synced(int file, const char *call) {
  pthread_mutex_lock(&lock);
  ino_t inode = status(file).st_ino;
  int result = broken(call, inode, paths[file], "") ? -1 : 0;
  int error = errno;
  if (result == 0) record(call, inode, 0, 0, "-", paths[file], "");
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int fsync(int file) { return path_of(file) ? synced(file, "fsync") : real_fsync(file); }

int fdatasync(int file) { return path_of(file) ? synced(file, "fdatasync") : real_fdatasync(file); }

int sync_file_range(int file, off_t offset, off_t length, unsigned flags) {
  if (!path_of(file)) return real_sync_file_range(file, offset, length, flags);
  return synced(file, "sync_file_range");
}

int renameat(int old_at, const char *old_path, int new_at, const char *new_path) {
  char from[PATH_MAX], to[PATH_MAX];
  const char *ours = resolve(old_at, old_path, from), *new = resolve(new_at, new_path, to);
  if (!ours && !new) return real_renameat(old_at, old_path, new_at, new_path);
  if (!ours || !new) die("a file is renamed across the border of the folder");
  pthread_mutex_lock(&lock);
  int result = -1;
  if (!broken("rename", 0, ours, new))
    result = real_renameat(old_at, old_path, new_at, new_path);
  int error = errno;
  if (result == 0) record("rename", 0, 0, 0, "-", ours, new);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }

int unlinkat(int at, const char *path, int flags) {
  char whole[PATH_MAX];
  const char *ours = resolve(at, path, whole), *call = flags & AT_REMOVEDIR ? "rmdir" : "unlink";
  if (!ours) return real_unlinkat(at, path, flags);
  pthread_mutex_lock(&lock);
  int result = -1;
  if (!broken(call, 0, ours, "")) result = real_unlinkat(at, path, flags);
  int error = errno;
  if (result == 0) record(call, 0, 0, 0, "-", ours, "");
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int mkdirat(int at, const char *path, mode_t mode) {
  char whole[PATH_MAX];
  const char *ours = resolve(at, path, whole);
  if (!ours) return real_mkdirat(at, path, mode);
  pthread_mutex_lock(&lock);
  int result = -1;
  if (!broken("mkdir", 0, ours, "")) result = real_mkdirat(at, path, mode);
  int error = errno;
  if (result == 0) record("mkdir", 0, 0, 0, "-", ours, "");
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

/* The clock of the day may be wrong; the one that measures times is right. */
int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, time);
  const char *ahead = clock == CLOCK_REALTIME ? getenv("SHIM_CLOCK") : NULL;
  if (ahead) time->tv_sec += atol(ahead);
  return result;
}

/* The names under which programs with large files know the same calls. */
#define ALSO(name, of) extern __typeof__(of) name __attribute__((alias(#of)))
ALSO(open64, open);
ALSO(openat64, openat);
ALSO(pwrite64, pwrite);
ALSO(pwritev64, pwritev);
ALSO(ftruncate64, ftruncate);
ALSO(fallocate64, fallocate);
ALSO(posix_fallocate64, posix_fallocate);
