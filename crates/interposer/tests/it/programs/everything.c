/* Calls of GSS-API that Python's bindings lack, each with what it must give. */

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static gss_OID_desc krb5 = {9, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};
static gss_OID_set_desc only_krb5 = {1, &krb5};

static void
complain(const char *what, int line, OM_uint32 major, OM_uint32 minor)
{
    OM_uint32 context = 0, discard;
    gss_buffer_desc text;

    fprintf(stderr, "line %d: %s: %x %u", line, what, major, minor);
    if (gss_display_status(&discard, minor, GSS_C_MECH_CODE, &krb5, &context, &text) == 0) {
        fprintf(stderr, " (%.*s)", (int)text.length, (char *)text.value);
        gss_release_buffer(&discard, &text);
    }
    fprintf(stderr, "\n");
    exit(1);
}

#define WORKS(call) \
    do { \
        OM_uint32 major_ = (call); \
        if (GSS_ERROR(major_)) \
            complain(#call, __LINE__, major_, minor); \
    } while (0)
#define HOLDS(condition) \
    do { \
        if (!(condition)) \
            complain(#condition, __LINE__, 0, 0); \
    } while (0)

static gss_name_t
name_of(const char *text, gss_OID type)
{
    OM_uint32 minor;
    gss_buffer_desc buffer = {strlen(text), (void *)text};
    gss_name_t name;

    WORKS(gss_import_name(&minor, &buffer, type, &name));
    return name;
}

static int
is_displayed_as(gss_name_t name, const char *expected)
{
    OM_uint32 minor;
    gss_buffer_desc text;
    gss_OID type;
    int same;

    WORKS(gss_display_name(&minor, name, &text, &type));
    HOLDS(gss_oid_equal(type, GSS_KRB5_NT_PRINCIPAL_NAME));
    same = text.length == strlen(expected) && memcmp(text.value, expected, text.length) == 0;
    gss_release_buffer(&minor, &text);
    gss_release_oid(&minor, &type);
    return same;
}

struct ends {
    gss_ctx_id_t begins, accepts;
    gss_name_t source;
    gss_cred_id_t delegated;
    OM_uint32 flags;
};

static struct ends
establish(gss_cred_id_t initiator, gss_cred_id_t acceptor, OM_uint32 flags)
{
    struct ends ends = {0};
    gss_buffer_desc there = GSS_C_EMPTY_BUFFER, back = GSS_C_EMPTY_BUFFER;
    gss_name_t target = name_of("host@server.lab", GSS_C_NT_HOSTBASED_SERVICE);
    struct gss_channel_bindings_struct bindings = {0};
    OM_uint32 begun, accepted = GSS_S_CONTINUE_NEEDED, minor, discard;

    bindings.application_data.length = 7;
    bindings.application_data.value = "channel";
    do {
        begun = gss_init_sec_context(&minor, initiator, &ends.begins, target, &krb5, flags, 0, &bindings, &back,
                                     NULL, &there, &ends.flags, NULL);
        WORKS(begun);
        gss_release_buffer(&discard, &back);
        if (there.length != 0) {
            gss_release_name(&discard, &ends.source);
            accepted = gss_accept_sec_context(&minor, &ends.accepts, acceptor, &there, &bindings, &ends.source, NULL,
                                              &back, NULL, NULL, &ends.delegated);
            WORKS(accepted);
            gss_release_buffer(&discard, &there);
        }
    } while (begun == GSS_S_CONTINUE_NEEDED || accepted == GSS_S_CONTINUE_NEEDED);
    gss_release_name(&minor, &target);
    return ends;
}

static void
forget(struct ends *ends)
{
    OM_uint32 minor;

    gss_delete_sec_context(&minor, &ends->begins, NULL);
    gss_delete_sec_context(&minor, &ends->accepts, GSS_C_NO_BUFFER);
    gss_release_name(&minor, &ends->source);
    gss_release_cred(&minor, &ends->delegated);
}

static void
pieces(struct ends *ends)
{
    OM_uint32 minor;
    int secret;
    gss_qop_t qop;
    char text[] = "in pieces", beside[] = "beside";
    gss_iov_buffer_desc iov[4] = {
        {GSS_IOV_BUFFER_TYPE_HEADER | GSS_IOV_BUFFER_FLAG_ALLOCATE, GSS_C_EMPTY_BUFFER},
        {GSS_IOV_BUFFER_TYPE_DATA, {sizeof(text), text}},
        {GSS_IOV_BUFFER_TYPE_PADDING | GSS_IOV_BUFFER_FLAG_ALLOCATE, GSS_C_EMPTY_BUFFER},
        {GSS_IOV_BUFFER_TYPE_TRAILER | GSS_IOV_BUFFER_FLAG_ALLOCATE, GSS_C_EMPTY_BUFFER},
    };
    gss_iov_buffer_desc lengths[4];
    gss_buffer_desc message = {sizeof(text), text}, readable = {sizeof(beside), beside}, token, opened;
    gss_iov_buffer_desc mic[2] = {
        {GSS_IOV_BUFFER_TYPE_DATA, {sizeof(text), text}},
        {GSS_IOV_BUFFER_TYPE_MIC_TOKEN | GSS_IOV_BUFFER_FLAG_ALLOCATE, GSS_C_EMPTY_BUFFER},
    };

    memcpy(lengths, iov, sizeof(iov));
    lengths[0].type = GSS_IOV_BUFFER_TYPE_HEADER;
    lengths[2].type = GSS_IOV_BUFFER_TYPE_PADDING;
    lengths[3].type = GSS_IOV_BUFFER_TYPE_TRAILER;
    WORKS(gss_wrap_iov_length(&minor, ends->begins, 1, 0, &secret, lengths, 4));
    HOLDS(lengths[0].buffer.length > 0);
    WORKS(gss_wrap_iov(&minor, ends->begins, 1, 0, &secret, iov, 4));
    HOLDS(secret && memcmp(text, "in pieces", sizeof(text)) != 0);
    WORKS(gss_unwrap_iov(&minor, ends->accepts, &secret, &qop, iov, 4));
    HOLDS(secret && strcmp(text, "in pieces") == 0);
    gss_release_iov_buffer(&minor, iov, 4);

    WORKS(gss_wrap_aead(&minor, ends->accepts, 1, 0, &readable, &message, &secret, &token));
    WORKS(gss_unwrap_aead(&minor, ends->begins, &token, &readable, &opened, &secret, &qop));
    HOLDS(secret && opened.length == message.length && memcmp(opened.value, text, sizeof(text)) == 0);
    gss_release_buffer(&minor, &token);
    gss_release_buffer(&minor, &opened);

    WORKS(gss_get_mic_iov(&minor, ends->begins, 0, mic, 2));
    WORKS(gss_verify_mic_iov(&minor, ends->accepts, &qop, mic, 2));
    gss_release_iov_buffer(&minor, mic, 2);
}

static void
secrets(struct ends *ends)
{
    OM_uint32 minor, left;
    gss_buffer_desc seed = {4, "seed"}, one, another;
    gss_buffer_set_t keys = NULL, other_keys = NULL;
    gss_krb5_lucid_context_v1_t *lucid = NULL;
    krb5_flags flags = 0;

    WORKS(gss_pseudo_random(&minor, ends->begins, GSS_C_PRF_KEY_FULL, &seed, 40, &one));
    WORKS(gss_pseudo_random(&minor, ends->accepts, GSS_C_PRF_KEY_FULL, &seed, 40, &another));
    HOLDS(one.length == 40 && another.length == 40 && memcmp(one.value, another.value, 40) == 0);
    gss_release_buffer(&minor, &one);
    gss_release_buffer(&minor, &another);

    WORKS(gss_inquire_sec_context_by_oid(&minor, ends->begins, GSS_C_INQ_SSPI_SESSION_KEY, &keys));
    WORKS(gss_inquire_sec_context_by_oid(&minor, ends->accepts, GSS_C_INQ_SSPI_SESSION_KEY, &other_keys));
    HOLDS(keys->count == 2 && keys->elements[0].length == other_keys->elements[0].length);
    HOLDS(memcmp(keys->elements[0].value, other_keys->elements[0].value, keys->elements[0].length) == 0);
    gss_release_buffer_set(&minor, &keys);
    gss_release_buffer_set(&minor, &other_keys);

    WORKS(gss_krb5_get_tkt_flags(&minor, ends->accepts, &flags));
    HOLDS(flags != 0);
    WORKS(gss_context_time(&minor, ends->accepts, &left));
    HOLDS(left > 0 && left <= 90000);
    WORKS(gss_krb5_export_lucid_sec_context(&minor, &ends->accepts, 1, (void **)&lucid));
    HOLDS(lucid->version == 1 && lucid->initiate == 0);
    WORKS(gss_krb5_free_lucid_sec_context(&minor, lucid));
}

static void
names(struct ends *ends)
{
    OM_uint32 minor;
    gss_buffer_desc user, exported;
    gss_name_t copy, alice;
    int same, is_mn;
    gss_OID mech = GSS_C_NO_OID;
    gss_buffer_set_t attributes = NULL;

    HOLDS(is_displayed_as(ends->source, "alice@LAB.EXAMPLE"));
    WORKS(gss_duplicate_name(&minor, ends->source, &copy));
    WORKS(gss_compare_name(&minor, copy, ends->source, &same));
    HOLDS(same);
    WORKS(gss_inquire_name(&minor, ends->source, &is_mn, &mech, &attributes));
    HOLDS(is_mn);
    gss_release_buffer_set(&minor, &attributes);
    gss_release_oid(&minor, &mech);
    WORKS(gss_localname(&minor, ends->source, &krb5, &user));
    HOLDS(user.length == 5 && memcmp(user.value, "alice", 5) == 0);
    gss_release_buffer(&minor, &user);
    WORKS(gss_localname(&minor, ends->source, GSS_C_NO_OID, &user));
    HOLDS(user.length == 5 && memcmp(user.value, "alice", 5) == 0);
    gss_release_buffer(&minor, &user);
    HOLDS(gss_userok(ends->source, "bob") == 0);
    WORKS(gss_export_name(&minor, ends->source, &exported));
    HOLDS(exported.length == 19 + 17 && memcmp(exported.value, "\x04\x01\x00\x0b\x06\x09", 6) == 0);
    gss_release_buffer(&minor, &exported);
    WORKS(gss_export_name_composite(&minor, ends->source, &exported));
    HOLDS(exported.length > 19 + 17 && memcmp(exported.value, "\x04\x02", 2) == 0);
    gss_release_buffer(&minor, &exported);
    alice = name_of("alice", GSS_C_NT_USER_NAME);
    WORKS(gss_canonicalize_name(&minor, alice, &krb5, NULL));
    if (gss_display_name_ext(&minor, alice, GSS_C_NT_USER_NAME, &user) == GSS_S_COMPLETE)
        gss_release_buffer(&minor, &user);
    gss_release_name(&minor, &alice);
    gss_release_name(&minor, &copy);
}

static void
mechanisms(void)
{
    OM_uint32 minor;
    gss_OID_set set = NULL, known = NULL;
    gss_buffer_desc sasl, name, description;
    gss_OID mech = GSS_C_NO_OID;
    int has;

    WORKS(gss_inquire_names_for_mech(&minor, &krb5, &set));
    WORKS(gss_test_oid_set_member(&minor, GSS_C_NT_HOSTBASED_SERVICE, set, &has));
    HOLDS(has);
    gss_release_oid_set(&minor, &set);
    WORKS(gss_inquire_attrs_for_mech(&minor, &krb5, &set, &known));
    HOLDS(set->count > 0 && known->count >= set->count);
    gss_release_oid_set(&minor, &set);
    gss_release_oid_set(&minor, &known);
    WORKS(gss_inquire_saslname_for_mech(&minor, &krb5, &sasl, &name, &description));
    HOLDS(sasl.length == 8 && memcmp(sasl.value, "GS2-KRB5", 8) == 0);
    gss_release_buffer(&minor, &name);
    gss_release_buffer(&minor, &description);
    WORKS(gss_inquire_mech_for_saslname(&minor, &sasl, &mech));
    HOLDS(gss_oid_equal(mech, &krb5));
    gss_release_buffer(&minor, &sasl);
}

static void
options(gss_cred_id_t initiator, gss_cred_id_t acceptor)
{
    OM_uint32 minor;
    krb5_enctype aes128 = ENCTYPE_AES128_CTS_HMAC_SHA1_96;
    gss_buffer_desc nothing = GSS_C_EMPTY_BUFFER;
    gss_krb5_lucid_context_v1_t *lucid = NULL;
    struct ends ends;

    WORKS(gss_krb5_set_allowable_enctypes(&minor, initiator, 1, &aes128));
    ends = establish(initiator, acceptor, GSS_C_MUTUAL_FLAG);
    WORKS(gss_krb5_export_lucid_sec_context(&minor, &ends.begins, 1, (void **)&lucid));
    HOLDS(lucid->cfx_kd.ctx_key.type == (OM_uint32)aes128);
    gss_krb5_free_lucid_sec_context(&minor, lucid);
    forget(&ends);

    WORKS(gss_set_cred_option(&minor, &initiator, GSS_KRB5_CRED_NO_CI_FLAGS_X, &nothing));
    ends = establish(initiator, acceptor, GSS_C_MUTUAL_FLAG);
    HOLDS((ends.flags & (GSS_C_CONF_FLAG | GSS_C_INTEG_FLAG)) == 0);
    forget(&ends);
}

static void
credentials(gss_cred_id_t initiator, gss_cred_id_t acceptor)
{
    OM_uint32 minor, life, begins_life, accepts_life;
    gss_cred_usage_t usage;
    gss_name_t name;
    gss_OID_set mechs = NULL;
    gss_buffer_desc exported;
    gss_cred_id_t imported, more;
    struct ends ends;

    WORKS(gss_inquire_cred(&minor, initiator, &name, &life, &usage, &mechs));
    HOLDS(usage == GSS_C_INITIATE && life > 0 && life <= 90000 && mechs->count == 1);
    HOLDS(is_displayed_as(name, "alice@LAB.EXAMPLE"));
    gss_release_name(&minor, &name);
    gss_release_oid_set(&minor, &mechs);
    WORKS(gss_inquire_cred_by_mech(&minor, acceptor, &krb5, &name, &begins_life, &accepts_life, &usage));
    HOLDS(usage == GSS_C_ACCEPT && is_displayed_as(name, "host/server.lab@LAB.EXAMPLE"));
    gss_release_name(&minor, &name);

    WORKS(gss_export_cred(&minor, initiator, &exported));
    WORKS(gss_import_cred(&minor, &exported, &imported));
    gss_release_buffer(&minor, &exported);
    ends = establish(imported, acceptor, GSS_C_MUTUAL_FLAG);
    HOLDS(is_displayed_as(ends.source, "alice@LAB.EXAMPLE"));
    forget(&ends);
    HOLDS(gss_add_cred(&minor, imported, GSS_C_NO_NAME, &krb5, GSS_C_INITIATE, 0, 0, &more, NULL, NULL, NULL)
          == GSS_S_DUPLICATE_ELEMENT);
    gss_release_cred(&minor, &imported);
}

/* As sshd keeps what was delegated to it. */
static void
copies(gss_cred_id_t initiator, gss_cred_id_t acceptor)
{
    OM_uint32 minor;
    krb5_context context;
    krb5_principal alice;
    krb5_ccache ccache;
    char *name;
    gss_key_value_element_desc element = {"ccache", NULL};
    gss_key_value_set_desc store = {1, &element};
    gss_cred_id_t found;
    struct ends ends;

    HOLDS(krb5_init_context(&context) == 0);
    HOLDS(krb5_parse_name(context, "alice@LAB.EXAMPLE", &alice) == 0);
    HOLDS(krb5_cc_new_unique(context, "MEMORY", NULL, &ccache) == 0);
    HOLDS(krb5_cc_initialize(context, ccache, alice) == 0);
    WORKS(gss_krb5_copy_ccache(&minor, initiator, ccache));
    HOLDS(krb5_cc_get_full_name(context, ccache, &name) == 0);
    element.value = name;
    WORKS(gss_acquire_cred_from(&minor, GSS_C_NO_NAME, 0, &only_krb5, GSS_C_INITIATE, &store, &found, NULL, NULL));
    ends = establish(found, acceptor, GSS_C_MUTUAL_FLAG);
    HOLDS(is_displayed_as(ends.source, "alice@LAB.EXAMPLE"));
    forget(&ends);
    gss_release_cred(&minor, &found);
    krb5_free_string(context, name);
    krb5_cc_destroy(context, ccache);
    krb5_free_principal(context, alice);
    krb5_free_context(context);
}

static void
somebody_else(void)
{
    OM_uint32 minor;
    gss_cred_id_t service, user;
    gss_name_t bob = name_of("bob@LAB.EXAMPLE", GSS_KRB5_NT_PRINCIPAL_NAME);
    gss_name_t own = name_of("host@server.lab", GSS_C_NT_HOSTBASED_SERVICE);
    gss_name_t name;

    WORKS(gss_acquire_cred(&minor, own, 0, &only_krb5, GSS_C_BOTH, &service, NULL, NULL));
    WORKS(gss_acquire_cred_impersonate_name(&minor, service, bob, 0, &only_krb5, GSS_C_INITIATE, &user, NULL, NULL));
    WORKS(gss_inquire_cred(&minor, user, &name, NULL, NULL, NULL));
    HOLDS(is_displayed_as(name, "bob@LAB.EXAMPLE"));
    gss_release_name(&minor, &name);
    gss_release_cred(&minor, &user);
    gss_release_cred(&minor, &service);
    gss_release_name(&minor, &bob);
    gss_release_name(&minor, &own);
}

int
main(int argc, char **argv)
{
    OM_uint32 minor;
    gss_cred_id_t initiator, acceptor;
    struct ends ends;
    int rounds = argc > 2 ? atoi(argv[2]) : 1;

    while (rounds-- > 0) {
        mechanisms();
        WORKS(gss_acquire_cred(&minor, GSS_C_NO_NAME, 0, &only_krb5, GSS_C_INITIATE, &initiator, NULL, NULL));
        WORKS(gss_acquire_cred(&minor, GSS_C_NO_NAME, 0, &only_krb5, GSS_C_ACCEPT, &acceptor, NULL, NULL));
        ends = establish(initiator, acceptor, GSS_C_MUTUAL_FLAG | GSS_C_REPLAY_FLAG | GSS_C_SEQUENCE_FLAG);
        names(&ends);
        pieces(&ends);
        secrets(&ends);
        forget(&ends);
        credentials(initiator, acceptor);
        copies(initiator, acceptor);
        options(initiator, acceptor);
        gss_release_cred(&minor, &initiator);
        gss_release_cred(&minor, &acceptor);
        if (argc > 1 && strcmp(argv[1], "remote") == 0)
            somebody_else();
        if (argc > 1 && strcmp(argv[1], "legs") == 0) {
            ends = establish(GSS_C_NO_CREDENTIAL, GSS_C_NO_CREDENTIAL, GSS_C_MUTUAL_FLAG | GSS_C_DCE_STYLE);
            HOLDS(is_displayed_as(ends.source, "alice@LAB.EXAMPLE"));
            forget(&ends);
        }
    }
    printf("everything works\n");
    return 0;
}
