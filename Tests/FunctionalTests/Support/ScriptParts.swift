/// Statements with which the scripts of several tests begin.
enum ScriptParts {
    /// A CANCEL follows its INVITE; then the script ends.
    static let cancel = """
        if (is_method("CANCEL")) {
            if (t_check_trans()) t_relay();
            exit;
        }
        """

    /// Requests within dialogs go where their Route says, an ACK without one to its transaction; then the script ends.
    static let dialogs = """
        if (has_totag()) {
            if (loose_route()) t_relay();
            else if (is_method("ACK")) { if (t_check_trans()) t_relay(); }
            else sl_send_reply("404", "Not Here");
            exit;
        }
        """
}
