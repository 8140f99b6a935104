/*
 * What a context costs MIT's library, and what it costs to protect messages with one.
 *
 *   mit_gss NAME establish COUNT
 *   mit_gss NAME protect SIZE COUNT     by gss_wrap and gss_unwrap
 *   mit_gss NAME in-place SIZE COUNT    by gss_wrap_iov and gss_unwrap_iov, in one buffer
 *
 * NAME is the service's principal; keytab and cache come from the environment. Prints the
 * nanoseconds of processor time that one context, or one wrap and unwrap, takes both ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>

static gss_cred_id_t client, server;
static gss_name_t target;

static void check(const char *what, OM_uint32 major, OM_uint32 minor)
{
    OM_uint32 ignored, more = 0;
    gss_buffer_desc text;

    if (!GSS_ERROR(major))
        return;
    gss_display_status(&ignored, minor, GSS_C_MECH_CODE, (gss_OID)gss_mech_krb5, &more, &text);
    fprintf(stderr, "%s: %.*s\n", what, (int)text.length, (char *)text.value);
    exit(1);
}

static long long nanoseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void establish(gss_ctx_id_t *initiator, gss_ctx_id_t *acceptor)
{
    OM_uint32 major, minor, ignored;
    gss_buffer_desc request = GSS_C_EMPTY_BUFFER, reply = GSS_C_EMPTY_BUFFER, last = GSS_C_EMPTY_BUFFER;
    OM_uint32 flags = GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG
        | GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG;

    *initiator = GSS_C_NO_CONTEXT;
    *acceptor = GSS_C_NO_CONTEXT;
    major = gss_init_sec_context(&minor, client, initiator, target, (gss_OID)gss_mech_krb5, flags, 0,
                                 GSS_C_NO_CHANNEL_BINDINGS, GSS_C_NO_BUFFER, NULL, &request, NULL, NULL);
    check("init", major, minor);
    major = gss_accept_sec_context(&minor, acceptor, server, &request, GSS_C_NO_CHANNEL_BINDINGS, NULL,
                                   NULL, &reply, NULL, NULL, NULL);
    check("accept", major, minor);
    major = gss_init_sec_context(&minor, client, initiator, target, (gss_OID)gss_mech_krb5, flags, 0,
                                 GSS_C_NO_CHANNEL_BINDINGS, &reply, NULL, &last, NULL, NULL);
    check("init, reply", major, minor);
    gss_release_buffer(&ignored, &request);
    gss_release_buffer(&ignored, &reply);
    gss_release_buffer(&ignored, &last);
}

static void drop(gss_ctx_id_t *initiator, gss_ctx_id_t *acceptor)
{
    OM_uint32 ignored;

    gss_delete_sec_context(&ignored, initiator, GSS_C_NO_BUFFER);
    gss_delete_sec_context(&ignored, acceptor, GSS_C_NO_BUFFER);
}

static void protect(gss_ctx_id_t initiator, gss_ctx_id_t acceptor, gss_buffer_t message)
{
    OM_uint32 major, minor, ignored;
    gss_buffer_desc sealed, opened;

    major = gss_wrap(&minor, initiator, 1, GSS_C_QOP_DEFAULT, message, NULL, &sealed);
    check("wrap", major, minor);
    major = gss_unwrap(&minor, acceptor, &sealed, &opened, NULL, NULL);
    check("unwrap", major, minor);
    if (opened.length != message->length)
        exit(2);
    gss_release_buffer(&ignored, &sealed);
    gss_release_buffer(&ignored, &opened);
}

static void protect_in_place(gss_ctx_id_t initiator, gss_ctx_id_t acceptor, gss_iov_buffer_desc *parts)
{
    OM_uint32 major, minor;

    major = gss_wrap_iov(&minor, initiator, 1, GSS_C_QOP_DEFAULT, NULL, parts, 4);
    check("wrap_iov", major, minor);
    major = gss_unwrap_iov(&minor, acceptor, NULL, NULL, parts, 4);
    check("unwrap_iov", major, minor);
}

static long measure_in_place(size_t size, int count)
{
    OM_uint32 major, minor;
    gss_ctx_id_t initiator, acceptor;
    gss_iov_buffer_desc parts[4] = {
        { GSS_IOV_BUFFER_TYPE_HEADER }, { GSS_IOV_BUFFER_TYPE_DATA },
        { GSS_IOV_BUFFER_TYPE_PADDING }, { GSS_IOV_BUFFER_TYPE_TRAILER },
    };
    long long start;

    establish(&initiator, &acceptor);
    parts[1].buffer.value = calloc(1, size);
    parts[1].buffer.length = size;
    major = gss_wrap_iov_length(&minor, initiator, 1, GSS_C_QOP_DEFAULT, NULL, parts, 4);
    check("wrap_iov_length", major, minor);
    parts[0].buffer.value = malloc(parts[0].buffer.length);
    parts[2].buffer.value = malloc(1);
    parts[3].buffer.value = malloc(parts[3].buffer.length);
    protect_in_place(initiator, acceptor, parts);
    start = nanoseconds();
    for (int i = 0; i < count; i++)
        protect_in_place(initiator, acceptor, parts);
    return (nanoseconds() - start) / count;
}

static long measure_contexts(int count)
{
    gss_ctx_id_t initiator, acceptor;
    long long start;

    establish(&initiator, &acceptor);
    drop(&initiator, &acceptor);
    start = nanoseconds();
    for (int i = 0; i < count; i++) {
        establish(&initiator, &acceptor);
        drop(&initiator, &acceptor);
    }
    return (nanoseconds() - start) / count;
}

static long measure_messages(size_t size, int count)
{
    gss_ctx_id_t initiator, acceptor;
    gss_buffer_desc message = { size, malloc(size) };
    long long start;

    memset(message.value, 7, size);
    establish(&initiator, &acceptor);
    protect(initiator, acceptor, &message);
    start = nanoseconds();
    for (int i = 0; i < count; i++)
        protect(initiator, acceptor, &message);
    return (nanoseconds() - start) / count;
}

int main(int argc, char **argv)
{
    OM_uint32 major, minor;
    gss_OID_set_desc krb5 = { 1, (gss_OID)gss_mech_krb5 };
    gss_buffer_desc name;

    if (argc < 4)
        return 2;
    name.value = argv[1];
    name.length = strlen(argv[1]);
    major = gss_import_name(&minor, &name, (gss_OID)GSS_KRB5_NT_PRINCIPAL_NAME, &target);
    check("name", major, minor);
    major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &krb5, GSS_C_INITIATE, &client, NULL, NULL);
    check("cache", major, minor);
    major = gss_acquire_cred(&minor, GSS_C_NO_NAME, GSS_C_INDEFINITE, &krb5, GSS_C_ACCEPT, &server, NULL, NULL);
    check("keytab", major, minor);
    if (strcmp(argv[2], "establish") == 0)
        printf("%ld\n", measure_contexts(atoi(argv[3])));
    else if (argc == 5 && strcmp(argv[2], "in-place") == 0)
        printf("%ld\n", measure_in_place(atol(argv[3]), atoi(argv[4])));
    else if (argc == 5)
        printf("%ld\n", measure_messages(atol(argv[3]), atoi(argv[4])));
    else
        return 2;
    return 0;
}
