/*
 * One end of many contexts, of which one lives in a daemon behind MIT's library.
 *
 *   proxied_gss accept acquired|default LOG
 *   proxied_gss init   acquired|default LOG NAME COUNT
 *
 * The two ends speak over standard input and output: four octets of length, most significant first,
 * and a token. `acquired` takes the credential once, `default` leaves it to the library each time.
 * LOG receives a line for each context: the nanoseconds that passed inside the library. The
 * initiator closes its output at the end.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_krb5.h>

static gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
static FILE *records;

static void check(const char *what, OM_uint32 major, OM_uint32 minor)
{
    OM_uint32 ignored, more = 0;
    gss_buffer_desc general, detail;

    if (!GSS_ERROR(major))
        return;
    gss_display_status(&ignored, major, GSS_C_GSS_CODE, GSS_C_NO_OID, &more, &general);
    more = 0;
    gss_display_status(&ignored, minor, GSS_C_MECH_CODE, (gss_OID)gss_mech_krb5, &more, &detail);
    fprintf(stderr, "%s: %.*s: %.*s\n", what, (int)general.length, (char *)general.value, (int)detail.length,
            (char *)detail.value);
    exit(1);
}

static long long nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int read_whole(void *bytes, size_t length)
{
    size_t got = 0;
    ssize_t more;

    while (got < length) {
        more = read(STDIN_FILENO, (char *)bytes + got, length - got);
        if (more <= 0)
            return 0;
        got += more;
    }
    return 1;
}

static void write_whole(const void *bytes, size_t length)
{
    size_t sent = 0;
    ssize_t more;

    while (sent < length) {
        more = write(STDOUT_FILENO, (const char *)bytes + sent, length - sent);
        if (more <= 0)
            exit(3);
        sent += more;
    }
}

static int receive(gss_buffer_t token)
{
    static char room[1 << 20];
    unsigned char head[4];

    if (!read_whole(head, 4))
        return 0;
    token->length = (uint32_t)head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3];
    token->value = room;
    return token->length <= sizeof(room) && read_whole(room, token->length);
}

static void transmit(gss_buffer_t token)
{
    unsigned char head[4] = { token->length >> 24, token->length >> 16, token->length >> 8, token->length };
    OM_uint32 ignored;

    write_whole(head, 4);
    write_whole(token->value, token->length);
    gss_release_buffer(&ignored, token);
}

static void accept_all(void)
{
    OM_uint32 major, minor;
    gss_buffer_desc request, reply;
    gss_ctx_id_t context;
    long long start;

    while (receive(&request)) {
        context = GSS_C_NO_CONTEXT;
        start = nanoseconds();
        major = gss_accept_sec_context(&minor, &context, credential, &request, GSS_C_NO_CHANNEL_BINDINGS, NULL,
                                       NULL, &reply, NULL, NULL, NULL);
        check("accept", major, minor);
        fprintf(records, "%lld\n", nanoseconds() - start);
        transmit(&reply);
        gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    }
}

static void initiate(gss_name_t target)
{
    OM_uint32 major, minor;
    gss_buffer_desc request = GSS_C_EMPTY_BUFFER, reply = GSS_C_EMPTY_BUFFER;
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    OM_uint32 flags = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG
        | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG;
    long long start, inside;

    start = nanoseconds();
    major = gss_init_sec_context(&minor, credential, &context, target, (gss_OID)gss_mech_krb5, flags, 0,
                                 GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER, NULL, &request, NULL, NULL);
    check("init", major, minor);
    inside = nanoseconds() - start;
    transmit(&request);
    if (!receive(&reply))
        exit(4);
    start = nanoseconds();
    major = gss_init_sec_context(&minor, credential, &context, target, (gss_OID)gss_mech_krb5, flags, 0,
                                 GSS_C_NO_CHANNEL_BINDINGS, &reply, NULL, &request, NULL, NULL);
    check("init, reply", major, minor);
    fprintf(records, "%lld\n", inside + nanoseconds() - start);
    gss_release_buffer(&minor, &request);
    gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
}

static void acquire(int usage)
{
    OM_uint32 major, minor;
    gss_OID_set_desc krb5 = { 1, (gss_OID)gss_mech_krb5 };

    major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &krb5, usage, &credential, NULL, NULL);
    check("acquire", major, minor);
}

int main(int argc, char **argv)
{
    OM_uint32 major, minor;
    gss_name_t target;
    gss_buffer_desc name;
    int initiates;

    if (argc < 4)
        return 2;
    initiates = strcmp(argv[1], "init") == 0;
    records = fopen(argv[3], "w");
    if (records == NULL || (initiates && argc != 6))
        return 2;
    if (strcmp(argv[2], "acquired") == 0)
        acquire(initiates ? GSS_C_INITIATE : GSS_C_ACCEPT);
    if (!initiates) {
        accept_all();
        return fclose(records) != 0;
    }
    name.value = argv[4];
    name.length = strlen(argv[4]);
    major = gss_import_name(&minor, &name, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &target);
    check("name", major, minor);
    for (int i = atoi(argv[5]); i > 0; i--)
        initiate(target);
    return fclose(records) != 0;
}
