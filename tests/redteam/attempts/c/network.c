// Ways to other people's sockets, and out of the machine. All targets are on this machine.
#include "way.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_in address(const char *host, const char *port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)number(port))};
    if (inet_pton(AF_INET, target(host), &to.sin_addr) != 1) broken("not an address");
    return to;
}

static void tcp_to(const char *host, const char *port, int protocol) {
    struct sockaddr_in to = address(host, port);
    int fd = prepare(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
    if (protocol) {
        close(fd);
        fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, protocol), "socket of another protocol");
    }
    if (connect(fd, (void *)&to, sizeof to) < 0 && errno != EINPROGRESS) held("connect");
    struct pollfd one = {fd, POLLOUT, 0};
    errno = ETIMEDOUT;
    if (poll(&one, 1, 4000) != 1) held("connect");
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    errno = error;
    if (error) held("connect");
    escaped("connected to %s:%s", getenv(host), getenv(port));
}

static void session_port(void) { tcp_to("RT_LOOPBACK", "RT_BOB_SESSION_PORT", 0); }
static void mptcp(void) { tcp_to("RT_LOOPBACK", "RT_BOB_SESSION_PORT", 262); }
static void metadata(void) { tcp_to("RT_METADATA", "RT_METADATA_PORT", 0); }
static void egress(void) { tcp_to("RT_OUTER", "RT_OUTER_PORT", 0); }

// The first packet carries data, and no connect() is called.
static void fast_open(void) {
    struct sockaddr_in to = address("RT_LOOPBACK", "RT_BOB_SESSION_PORT");
    int fd = prepare(socket(AF_INET, SOCK_STREAM, 0), "socket");
    must(sendto(fd, "x", 1, MSG_FASTOPEN, (void *)&to, sizeof to), "sendto with MSG_FASTOPEN");
    escaped("sent a byte in the first packet");
}

static void six(void) {
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)number("RT_BOB_SESSION_PORT"))};
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &to.sin6_addr);
    int fd = prepare(socket(AF_INET6, SOCK_STREAM, 0), "socket");
    must(connect(fd, (void *)&to, sizeof to), "connect by a mapped address");
    escaped("connected by a mapped address");
}

static void datagram(void) {
    struct sockaddr_in to = address("RT_OUTER", "RT_OUTER_PORT");
    int fd = prepare(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    must(sendto(fd, "ping", 4, 0, (void *)&to, sizeof to), "sendto");
    struct pollfd one = {fd, POLLIN, 0};
    errno = ETIMEDOUT;
    if (poll(&one, 1, 3000) != 1) held("no answer");
    char text[16];
    must(recv(fd, text, sizeof text, 0), "recv");
    escaped("a datagram was answered");
}

static void lookup(void) {
    struct sockaddr_in to = address("RT_METADATA", "RT_METADATA_PORT");
    int fd = prepare(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    must(connect(fd, (void *)&to, sizeof to), "connect of a datagram socket");
    must(send(fd, "ping", 4, 0), "send");
    struct pollfd one = {fd, POLLIN, 0};
    errno = ETIMEDOUT;
    if (poll(&one, 1, 3000) != 1) held("no answer");
    escaped("a datagram to the metadata address was answered");
}

static void unix_to(const char *path, socklen_t length) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memcpy(to.sun_path, path, length);
    int fd = prepare(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(connect(fd, (void *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)), "connect");
    char text[64] = {0};
    // Whoever listens there greets.
    must(write(fd, "id\n", 3), "write");
    must(read(fd, text, sizeof text - 1), "read");
    text[strcspn(text, "\n")] = 0;
    escaped("`%s` answers", text);
}

static void unix_path(const char *name) {
    const char *path = target(name);
    unix_to(path, (socklen_t)strlen(path) + 1);
}

static void abstract(void) {
    char path[100] = {0};
    int length = snprintf(path + 1, sizeof path - 1, "%s", target("RT_ABSTRACT"));
    unix_to(path, (socklen_t)length + 1);
}

static void bobs_socket(void) { unix_path("RT_BOB_SOCKET"); }
static void service(void) { unix_path("RT_SERVICE_SOCKET"); }
static void manager(void) { unix_path("RT_MANAGER_SOCKET"); }
static void other_session(void) {
    const char *path = target("RT_OTHER_SESSION_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof to.sun_path) broken("too long");
    strcpy(to.sun_path, path);
    int fd = prepare(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(connect(fd, (void *)&to, sizeof to), "connect");
    escaped("connected to the IDE of another session");
}

// Opens a door for others of the machine: bob connects as soon as the line is out.
static void listening(void) {
    int fd = prepare(socket(AF_INET, SOCK_STREAM, 0), "socket");
    int yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in at = address("RT_ANY", "RT_LISTEN_PORT");
    must(bind(fd, (void *)&at, sizeof at), "bind");
    must(listen(fd, 1), "listen");
    struct pollfd one = {fd, POLLIN, 0};
    errno = ETIMEDOUT;
    if (poll(&one, 1, 6000) != 1) held("nobody could connect");
    must(accept(fd, NULL, NULL), "accept");
    escaped("another user connected");
}

static void everybody(void) {
    struct sockaddr_in to = address("RT_MULTICAST", "RT_OUTER_PORT");
    int fd = prepare(socket(AF_INET, SOCK_DGRAM, 0), "socket");
    struct in_addr by;
    inet_pton(AF_INET, "127.0.0.1", &by);
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by);
    must(sendto(fd, "ping", 4, 0, (void *)&to, sizeof to), "sendto a group");
    escaped("sent to a group of machines");
}

WAYS({"session-port", session_port}, {"mptcp", mptcp}, {"metadata", metadata}, {"egress", egress}, {"fast-open", fast_open},
     {"mapped", six}, {"datagram", datagram}, {"datagram-metadata", lookup}, {"abstract", abstract}, {"bobs-socket", bobs_socket},
     {"service", service}, {"manager", manager}, {"other-session", other_session}, {"listen", listening}, {"multicast", everybody})
