/// Which module owns a name that no loaded module has declared: for "load `textops.so`".
enum KnownNames {
    /// Functions that documents of old name, and what they are called.
    static let renamed = ["t_fork": "append_branch", "set_user": "setuser"]

    /// Modules whose functions neither make transactions, nor answer but by `APUS_SENDS_REPLY`, nor add branches but by `APUS_SETS_DESTINATION`.
    static let bystanders: Set<String> = [
        "core", "xlog", "maxfwd", "textops", "textopsx", "sl", "pv", "rr", "kex", "cfgutils", "sanity", "siputils",
        "acc", "counters", "statistics",
    ]

    /// Variables whose assignment gives a request another destination, which a reply has none of.
    static let destinationVariables: Set<String> = [
        "ru", "ruri", "rU", "ruri.user", "rd", "ruri.domain", "rp", "du", "duri", "br", "branch",
    ]

    static func module(ofFunction name: String) -> String? { functions[name] }

    static func module(ofVariable name: String) -> String? {
        if let module = variables[name] { return module }
        return name.hasPrefix("tls_") ? "tls" : nil
    }

    /// Module of an event's name, where it is not the part before the colon.
    static let events: [String: [String]] = [
        "core": ["worker-one-init", "modinit-before", "msg-received", "pre-routing", "receive-parse-error", "tkv"],
        "tm": ["local-request", "local-response", "local-ack-sent", "branch-failure", "continue"],
        "sl": ["local-response", "filtered-ack"], "corex": ["reply-out"], "network": ["msg"], "nosip": ["msg"],
        "tcp": ["closed", "timeout", "reset"], "tls": ["connection-out"], "xhttp": ["request"], "websocket": ["closed"],
        "dispatcher": ["dst-up", "dst-down"], "dialog": ["start", "end", "failed", "timeout"],
        "usrloc": ["contact-expired"], "htable": ["mod-init", "expired", "reloaded"], "uac": ["reply"],
        "siptrace": ["msg"], "sipdump": ["msg"], "sipcapture": ["request"],
    ]

    static func module(ofSelect name: String) -> String? { selects[name] }

    private static let functions = index(functionTable)
    private static let selects = index(selectTable)
    private static let variables = index(variableTable)

    private static func index(_ table: String) -> [String: String] {
        var result: [String: String] = [:]
        for line in table.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            for word in words.dropFirst() where result[word] == nil { result[word] = words[0] }
        }
        return result
    }

    /// One line a module, its name first.
    private static let functionTable = """
        sl sl_send_reply sl_reply send_reply send_reply_mode sl_reply_error send_reply_error sl_forward_reply
        maxfwd maxfwd_process mf_process_maxfwd_header process_maxfwd is_maxfwd_lt maxfwd_at_least mf_lowlimit
        xlog xlog xdbg xinfo xnotice xwarn xerr xalert xcrit xbug xlogm xlogl xlogs
        sanity sanity_check sanity_reply
        rr loose_route loose_route_mode loose_route_preloaded record_route record_route_preset \
        record_route_advertised_address add_rr_param check_route_param is_direction remove_record_route rr_next_hop_route
        textops search search_body search_hf search_str search_append search_append_body replace replace_all replace_hdrs \
        replace_body replace_body_all replace_body_atonce replace_str replace_hdrs_str replace_body_str subst subst_body \
        subst_uri subst_user subst_hf subst_v append_hf insert_hf append_urihf append_to_reply remove_hf remove_hf_pv \
        remove_hf_idx remove_hf_re remove_hf_re_pv remove_hf_exp remove_hf_exp_pv remove_hf_match is_present_hf \
        is_present_hf_pv is_present_hf_re is_present_hf_re_pv is_method has_body filter_body set_body set_body_hex \
        set_reply_body set_reply_body_hex set_body_multipart append_body_part append_body_part_hex remove_body_part \
        get_body_part get_body_part_raw append_time append_time_to_request is_privacy is_audio_on_hold in_list \
        in_list_prefix cmp_str cmp_istr starts_with ends_with str_find str_ifind str_any_in str_all_in via_param_rm \
        regex_substring
        siputils has_totag is_request is_reply is_sip is_http is_first_hop is_user uri_param uri_param_any uri_param_rm \
        add_uri_param get_uri_param tel2sip tel2sip2 is_uri is_e164 is_uri_user_e164 is_tel_number is_numeric is_alphanum \
        is_alphanumex cmp_uri cmp_aor cmp_hdr_name is_gruu is_supported set_uri_user set_uri_host options_reply \
        encode_contact decode_contact decode_contact_header contact_param_encode contact_param_encode_alias \
        contact_param_decode contact_param_decode_ruri contact_param_rm contact_param_check append_rpid_hf \
        is_rpid_user_e164 sip_p_charging_vector hdr_date_check sip_parse_headers ring_insert_callid
        pv pv_isset pv_unset is_int typeof not_empty xavp_params_explode xavp_params_implode xavp_rm xavp_child_rm \
        xavp_child_get xavp_copy xavp_copy_dst xavp_lshift xavp_push_dst xavp_slist_explode sbranch_set_ruri \
        sbranch_append sbranch_reset pv_var_to_xavp pv_xavp_to_var pv_xavp_print pv_evalx xavu_rm
        kex is_myself is_myhost pv_printf avp_printf setdebug resetdebug
        cfgutils rand_set_prob rand_reset_prob rand_get_prob rand_event sleep usleep abort pkg_status shm_status \
        set_gflag reset_gflag is_gflag lock unlock trylock core_hash check_route_exists route_if_exists
        corex append_branch_q set_send_socket set_send_socket_name set_recv_socket set_source_address setxflag resetxflag \
        isxflagset msg_iflag_set msg_iflag_reset msg_iflag_is_set is_faked_msg sendx send_udp send_data forward_reply \
        forward_uac forward_uac_uri via_add_srvid via_add_xavp_params via_use_xavp_fields file_read file_write \
        process_sipdata set_extra_socket
        tm t_relay t_relay_to t_relay_to_udp t_relay_to_tcp t_relay_to_tls t_relay_to_sctp t_relay_cancel t_newtran t_reply \
        t_check_trans t_lookup_request t_lookup_cancel t_retransmit_reply t_release t_on_failure t_on_reply t_on_branch \
        t_on_branch_failure t_is_set t_is_canceled t_is_expired t_check_status t_grep_status t_branch_timeout \
        t_branch_replied t_any_timeout t_any_replied t_replicate t_replicate_udp t_replicate_tcp t_replicate_tls \
        t_replicate_to t_forward_nonack t_forward_nonack_udp t_forward_nonack_tcp t_forward_nonack_uri t_set_fr t_reset_fr \
        t_set_max_lifetime t_reset_max_lifetime t_set_retr t_reset_retr t_set_auto_inv_100 t_set_disable_6xx \
        t_set_disable_failover t_set_no_e2e_cancel_reason t_set_disable_internal_reply t_load_contacts t_next_contacts \
        t_next_contact_flow t_save_lumps t_use_uac_headers t_get_status_code t_uac_send \
        t_exists t_clean t_drop_replies t_cell_append_branches t_msg_apply_changes
        tmx t_precheck_trans t_is_branch_route t_is_failure_route t_is_reply_route t_is_request_route t_suspend t_continue \
        t_reuse_branch t_cancel_branches t_cancel_callid t_reply_callid t_uac_ack_local t_cancel_branch_idx t_flush_flags t_flush_xflags t_vbflag_set t_vbflag_reset \
        t_vbflag_is_set t_drop t_is_retr_async_reply \
        t_precheck_trans t_drop_replies
        dispatcher ds_select_dst ds_select_domain ds_select ds_select_routes ds_next_dst ds_next_domain ds_set_dst \
        ds_set_domain ds_mark_dst ds_list_exists ds_is_from_list ds_is_active ds_load_update ds_load_unset ds_reload \
        ds_set_redirect ds_dsg_fetch ds_dsg_fetch_uri
        textopsx msg_apply_changes msg_changed_route msg_set_buffer change_reply_status change_reply_status_code \
        remove_body keep_hf fnmatch append_hf_value insert_hf_value assign_hf_value assign_hf_value2 remove_hf_value \
        remove_hf_value2 include_hf_value exclude_hf_value hf_value_exists hf_iterator_start hf_iterator_next \
        hf_iterator_prev hf_iterator_end hf_iterator_rm hf_iterator_append hf_iterator_insert bl_iterator_start \
        bl_iterator_next bl_iterator_end bl_iterator_rm bl_iterator_append bl_iterator_insert
        dlgs dlgs_init dlgs_update dlgs_count dlgs_sum dlgs_tags_add dlgs_tags_rm dlgs_tags_count
        counters cnt_inc cnt_add cnt_reset
        statistics update_stat reset_stat
        jsonrpcs jsonrpc_dispatch jsonrpc_exec
        registrar save lookup lookup_to_dset lookup_branches lookup_xavp registered unregister add_sock_hdr \
        reg_send_reply reg_from_user reg_fetch_contacts reg_free_contacts
        auth_db www_authorize www_authenticate proxy_authorize proxy_authenticate auth_check is_subscriber
        auth www_challenge proxy_challenge auth_challenge pv_www_authenticate pv_proxy_authenticate pv_www_authorize \
        pv_proxy_authorize pv_auth_check consume_credentials has_credentials auth_get_www_authenticate auth_algorithm
        group is_user_in get_user_group
        uri_db check_to check_from check_uri does_uri_exist
        acc acc_log_request acc_db_request acc_request
        permissions allow_source_address allow_address allow_source_address_group allow_address_group allow_trusted \
        allow_routing allow_register allow_register_include_port allow_uri
        alias_db alias_db_lookup alias_db_find
        speeddial sd_lookup
        domain is_from_local is_uri_host_local is_domain_local lookup_domain
        nathelper nat_uac_test fix_nated_register set_contact_alias add_contact_alias handle_ruri_alias \
        fix_nated_contact fix_nated_sdp add_rcv_param is_rfc1918 set_alias_to_pv force_rtp_proxy
        rtpproxy rtpproxy_manage rtpproxy_offer rtpproxy_answer rtpproxy_destroy unforce_rtp_proxy set_rtp_proxy_set \
        start_recording rtpproxy_stream2uac rtpproxy_stream2uas rtpproxy_stop_stream2uac rtpproxy_stop_stream2uas
        rtpengine rtpengine_manage rtpengine_offer rtpengine_answer rtpengine_delete rtpengine_query \
        set_rtpengine_set rtpengine_start_recording rtpengine_stop_recording
        nat_traversal nat_keepalive fix_contact client_nat_test
        htable sht_rm sht_rm_name_re sht_rm_value_re sht_rm_name sht_rm_value sht_match_name sht_has_name \
        sht_match_str_value sht_has_str_value sht_lock sht_unlock sht_reset sht_iterator_start sht_iterator_next \
        sht_iterator_end sht_iterator_rm sht_print sht_setxs sht_setxi sht_is_null sht_inc sht_dec
        pike pike_check_req pike_check_ip
        debugger dbg_breakpoint dbg_pv_dump dbg_sip_msg
        tls is_peer_verified tls_set_connect_server_id
        xhttp xhttp_reply
        xmlrpc dispatch_rpc xmlrpc_reply
        presence handle_publish handle_subscribe pres_auth_status pres_refresh_watchers pres_update_watchers \
        pres_has_subscribers
        dialog dlg_manage set_dlg_profile unset_dlg_profile is_in_profile get_profile_size dlg_setflag dlg_resetflag \
        dlg_isflagset dlg_bye dlg_refer dlg_bridge dlg_get is_known_dlg dlg_set_timeout dlg_set_property dlg_set_state
        uac uac_replace_from uac_replace_to uac_restore_from uac_restore_to uac_auth uac_req_send uac_reg_lookup
        uac_redirect set_deny_filter set_accept_filter get_redirects
        avpops avp_db_load avp_db_store avp_db_delete avp_db_query avp_delete avp_copy avp_pushto avp_check avp_op \
        avp_subst avp_subst_pv is_avp_set avp_print
        sqlops sql_query sql_xquery sql_pvquery sql_query_async sql_result_free
        exec exec_dset exec_msg exec_avp exec_cmd
        path add_path add_path_received add_path_advertised_address
        ratelimit rl_check rl_check_pipe
        pipelimit pl_check pl_active
        enum enum_query enum_pv_query i_enum_query
        msilo m_store m_store_addrs m_dump
        siptrace sip_trace sip_trace_mode hlog
        print print
        xmpp jab_send_message
        """

    private static let variableTable = """
        tmx T_reply_code T_reply_reason T_reply_last T_reply_ruid T_branch_idx T T_req T_rpl T_inv T_branch
        rr fti tti route_uri rdir
        kex sruid
        cfgutils RANDOM
        sl ltt
        registrar ulc realm_pref
        dialog DLG_count DLG_status DLG_lifetime dlg_var dlg dlg_ctx
        dispatcher dsv dsg
        htable sht shtex shtcn shtcv shtinc shtdec shtrecord shtitkey shtitval
        tls tls
        corex cfg lsock atkv
        xlog C
        siputils pcv
        nathelper rr_count rr_top_count
        uac uac_req
        textopsx hfitname hfitbody blitval
        sdpops sdp sdpitval
        pv_headers x_hdr x_fu x_fU x_fd x_fn x_ft x_tu x_tU x_td x_tn x_tt
        rtpproxy rtpstat rtppstat
        rtpengine rtpestat
        xhttp hu
        http_client curlerror httprhdr
        websocket ws_conid
        evapi evapi
        tcpops tcp
        msrp msrp
        sqlops dbr sqlrows
        ndb_redis redis redisd
        ipops dns ptrquery srvquery naptrquery HN
        uuid uuid
        geoip2 gip2
        phonenum phn
        """

    private static let selectTable = """
        textopsx hf_value hf_value2 hf_value_exists
        nathelper nathelper
        tls tls
        """
}
