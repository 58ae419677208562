/* socket_name.c - POSIX bind(): "shall assign a local socket address to a socket that
 * has no local socket address assigned"; getsockname(), getpeername(); unix(7), on
 * addresses that are paths, abstract names, or none.
 */
#include "scratch.h"
#include "socket.h"

/* unix(7): "a UNIX domain socket can be bound to a null-terminated filesystem pathname
 * using bind(2). When the address of a pathname socket is returned ... its length is
 * offsetof(struct sockaddr_un, sun_path) + strlen(sun_path) + 1". */
static void paths(void) {
    struct address a = address("server"), got;
    int fd = sock(SOCK_STREAM);
    works(bind_to(fd, &a), "bind to a path");
    struct stat st = stat_of("server");
    ok(S_ISSOCK(st.st_mode), "bind makes a file of type socket");
    is_int(st.st_mode & 07777, 0755, "with all permissions that the umask leaves");
    is_int(st.st_uid, geteuid(), "it belongs to the effective user");
    got = name_of(fd, getsockname);
    is_int(got.size, PATH_START + 7, "getsockname: the length counts the NUL");
    ok(same_address(&got, &a), "getsockname tells the path");
    is_errno(open("server", O_RDWR), ENXIO, "ENXIO: a socket cannot be opened");
    close(fd);
    ok(exists("server"), "the name outlives the socket");
    fd = sock(SOCK_STREAM);
    is_errno(bind_to(fd, &a), EADDRINUSE, "EADDRINUSE: and is in the way of the next");
    need(unlink("server") == 0);
    works(bind_to(fd, &a), "after unlink it is free again");
    struct address b = address("other");
    is_errno(bind_to(fd, &b), EINVAL, "EINVAL: a socket has one name");
    ok(!exists("other"), "and the refused name was not made");
    close(fd);
    make_file("plain", "");
    a = address("plain");
    fd = sock(SOCK_STREAM);
    is_errno(bind_to(fd, &a), EADDRINUSE, "EADDRINUSE: a file has that name");
    a = address("no/such/place");
    is_errno(bind_to(fd, &a), ENOENT, "ENOENT: no such directory");
    a = address("plain/x");
    is_errno(bind_to(fd, &a), ENOTDIR, "ENOTDIR: not a directory");
    need(symlink("target", "link") == 0);
    a = address("link");
    is_errno(bind_to(fd, &a), EADDRINUSE,
             "EADDRINUSE: a symbolic link counts as a name");
    close(fd);
    unlink("link");
}

/* unix(7), BUGS and NOTES: "sun_path need not be NUL-terminated" when it is full;
 * a length beyond the structure is EINVAL. */
static void lengths(void) {
    struct {
        struct sockaddr_un un;
        char more[16];
    } big = { { .sun_family = AF_UNIX }, "" };
    int fd = sock(SOCK_STREAM);
    is_errno(bind(fd, (struct sockaddr *)&big, 1), EINVAL,
             "EINVAL: shorter than a family");
    is_errno(bind(fd, (struct sockaddr *)&big, sizeof big.un + 1), EINVAL,
             "EINVAL: longer than sockaddr_un");
    big.un.sun_family = AF_INET;
    is_errno(bind(fd, (struct sockaddr *)&big, sizeof big.un), EINVAL,
             "EINVAL: another family");
    big.un.sun_family = AF_UNIX;
    memset(big.un.sun_path, 'p', sizeof big.un.sun_path);
    works(bind(fd, (struct sockaddr *)&big, sizeof big.un),
          "108 characters and no NUL make a path");
    char path[109] = "";
    memset(path, 'p', 108);
    ok(exists(path), "of 108 characters");
    struct sockaddr_un cut;
    memset(&cut, 'z', sizeof cut);
    socklen_t size = 10;
    need(getsockname(fd, (struct sockaddr *)&cut, &size) == 0);
    is_int(size, sizeof cut + 1, "getsockname tells the length even when it is cut");
    ok(cut.sun_path[7] == 'p' && cut.sun_path[8] == 'z',
       "\"the returned address is truncated if the buffer provided is too small\"");
    size = (socklen_t)-1;
    is_errno(getsockname(fd, (struct sockaddr *)&cut, &size), EINVAL,
             "EINVAL: a negative length");
    is_errno(getsockname(fd, (struct sockaddr *)&cut, NULL), EFAULT,
             "EFAULT: no length");
    is_errno(bind(fd, (struct sockaddr *)4, 20), EFAULT, "EFAULT: a bad address");
    close(fd);
}

/* "an abstract socket address is distinguished from a pathname socket by the fact that
 * sun_path[0] is a null byte. ... null bytes in the name have no special significance";
 * "The name has no connection with filesystem pathnames". */
static void abstract(void) {
    struct address a = address("@name"), b, got;
    int fd = sock(SOCK_STREAM), other = sock(SOCK_STREAM), datagram = sock(SOCK_DGRAM);
    works(bind_to(fd, &a), "bind to an abstract name");
    got = name_of(fd, getsockname);
    ok(same_address(&got, &a), "getsockname tells it with its exact length");
    is_errno(bind_to(other, &a), EADDRINUSE, "EADDRINUSE: it is unique");
    works(bind_to(datagram, &a), "for sockets of one type");
    b = a;
    b.un.sun_path[b.size - PATH_START] = 0;
    b.size++;
    works(bind_to(other, &b), "one more NUL is another name");
    close(fd);
    fd = sock(SOCK_STREAM);
    works(bind_to(fd, &a), "the name goes with the socket");
    close(fd), close(other), close(datagram);
}

/* "unnamed: A stream socket that has not been bound to a pathname using bind(2) has no
 * name. ... When the address of an unnamed socket is returned, its length is
 * sizeof(sa_family_t), and sun_path should not be inspected." */
static void unnamed(void) {
    int p[2];
    struct address a = address("@peer"), got;
    pair(SOCK_STREAM, p);
    got = name_of(p[0], getsockname);
    ok(got.size == sizeof(sa_family_t) && got.un.sun_family == AF_UNIX,
       "getsockname of an unnamed socket: only the family");
    is_int(name_of(p[0], getpeername).size, sizeof(sa_family_t),
           "getpeername of an unnamed peer: the same");
    drop(p);
    int fd = sock(SOCK_STREAM);
    is_errno(getpeername(fd, (struct sockaddr *)&got.un, &got.size), ENOTCONN,
             "ENOTCONN: getpeername without a peer");
    close(fd);
    int at = listener(SOCK_STREAM, &a, 1);
    connection(SOCK_STREAM, at, &a, p);
    got = name_of(p[0], getpeername);
    ok(same_address(&got, &a), "getpeername: the name of the listener");
    got = name_of(p[1], getsockname);
    ok(same_address(&got, &a), "which the accepted socket also has");
    close(at);
    got = name_of(p[0], getpeername);
    ok(same_address(&got, &a), "even when the listener is gone");
    close(p[1]);
    got = name_of(p[0], getpeername);
    ok(same_address(&got, &a), "and the peer as well");
    close(p[0]);
}

static int try_connect(const char *path) {
    struct address a = address(path);
    int fd = sock(SOCK_STREAM);
    return connect_to(fd, &a) == 0 ? 0 : errno;
}

static int try_send(const char *path) {
    struct address a = address(path);
    int fd = sock(SOCK_DGRAM);
    return send_to(fd, "x", &a) == 1 ? 0 : errno;
}

static int try_bind(const char *path) {
    struct address a = address(path);
    int fd = sock(SOCK_STREAM);
    return bind_to(fd, &a) == 0 ? 0 : errno;
}

/* unix(7), Pathname socket ownership and permissions: "On Linux, connecting to a stream
 * socket object requires write permission on that socket"; "creating a new socket fails
 * if the process does not have write and search permission on the directory". */
static void permissions(void) {
    struct address a = address("guarded");
    int fd = listener(SOCK_STREAM, &a, 5);
    need(chmod("guarded", 0755) == 0);
    is_exit(as_user(try_connect, "guarded"), is_root() ? EACCES : 0,
            "EACCES: connecting needs write permission");
    need(chmod("guarded", 0222) == 0);
    is_exit(as_user(try_connect, "guarded"), 0, "and no other");
    struct address c = address("guarded too");
    int d = bound(SOCK_DGRAM, &c);
    need(chmod("guarded too", 0755) == 0);
    for (int i = 0; i < 3; i++)
        is_exit(as_user(try_send, "guarded too"), is_root() ? EACCES : 0,
                "EACCES: so does sending a datagram");
    close(d);
    need(mkdir("closed", 0755) == 0 && chmod("closed", 0555) == 0);
    is_exit(as_user(try_bind, "closed/x"), EACCES,
            "EACCES: bind needs write permission on the directory");
    umask(0);
    struct address b = address("open to all");
    close(bound(SOCK_STREAM, &b));
    umask(022);
    is_int(mode_of("open to all"), 0777, "without a umask the name has mode 0777");
    close(fd);
}

/* A name may move, have others, and go, while the socket stays. */
static void moved(void) {
    struct address a = address("first"), b = address("second"), got;
    int fd = listener(SOCK_STREAM, &a, 5);
    need(link("first", "second") == 0);
    int c = dial(SOCK_STREAM, &b);
    works(c, "a hard link leads to the same socket");
    got = name_of(c, getpeername);
    ok(same_address(&got, &a), "whose name is the one it was bound to");
    close(c);
    need(unlink("first") == 0 && rename("second", "third") == 0);
    b = address("third");
    c = dial(SOCK_STREAM, &b);
    works(c, "and so does a new name");
    close(c), close(fd);
    c = sock(SOCK_STREAM);
    is_errno(connect_to(c, &b), ECONNREFUSED, "ECONNREFUSED: a name without a socket");
    close(c);
    need(mknod("node", S_IFSOCK | 0666, 0) == 0);
    b = address("node");
    c = sock(SOCK_STREAM);
    is_errno(connect_to(c, &b), ECONNREFUSED, "ECONNREFUSED: one made by mknod");
    b = address("plain");
    is_errno(connect_to(c, &b), ECONNREFUSED, "ECONNREFUSED: a plain file");
    b = address("nothing");
    is_errno(connect_to(c, &b), ENOENT, "ENOENT: no such name");
    b = address("@nothing");
    is_errno(connect_to(c, &b), ECONNREFUSED, "ECONNREFUSED: no such abstract name");
    close(c);
}

int main(void) {
    scratch();
    paths();
    lengths();
    abstract();
    unnamed();
    permissions();
    moved();
    return done_testing();
}
