# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_portcullis_global_optspecs
    string join \n h/help V/version
end

function __fish_portcullis_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_portcullis_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_portcullis_using_subcommand
    set -l cmd (__fish_portcullis_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c portcullis -n "__fish_portcullis_needs_command" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_needs_command" -s V -l version -d 'Print version'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "check-config" -d 'Check the configuration and report every problem at once'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "test-config" -d 'Check the configuration and report every problem at once'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "conf" -d 'Show the configuration that is in force'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "audit" -d 'Look after the audit log'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "explain" -d 'Explain what becomes of a request of a person, and why'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "simulate" -d 'Tell what an audit log would have been under another configuration'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "doctor" -d 'Examine machine and configuration: how strongly each flag holds in each IDE, and everything that is wrong'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "routes" -d 'List the requests of an IDE that no row covers, each with a line for adapters.conf'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "exempt" -d 'Lift a flag for a person, for a while; only root may'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "keys" -d 'List keys, and end those of programs'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "ldap" -d 'Try the directories of ldap.conf'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "status" -d 'Ask the daemon how it is; only root may'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "sessions" -d 'List sessions: whose, in what state, for how long, and what they use'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "session" -d 'End, suspend or explain a session'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "users" -d 'List who is signed in or has a session; with a command, look after the accounts'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "list-users" -d 'List who is signed in or has a session; with a command, look after the accounts'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "revoke" -d 'End everything of a person at once: sign-ins, connections, sessions with all their processes'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "offline" -d 'Let nobody in for a while: every page is answered with a message. Sessions go on'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "online" -d 'Let people in again'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "reload" -d 'Have the daemon read its configuration again, and say what became of it'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "logs" -d 'Show the daemon\'s log: the journal\'s, where there is one'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "verify-installation" -d 'Check that everything that sessions need is there and works, and say what isn\'t'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "active-sessions" -d 'List sessions with process, processor time and IDE, as RStudio Server does'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "suspend-session" -d 'Have RStudio\'s session save its state and go, unless something runs in it'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "suspend-all" -d 'Do so with all sessions'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "force-suspend-session" -d 'Have RStudio\'s session save its state and go, whatever runs in it'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "force-suspend-all" -d 'Do so with all sessions'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "kill-session" -d 'Kill all processes of a session'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "kill-all" -d 'Kill all processes of all sessions'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "start" -d 'Start the daemon, if its configuration is right'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "stop" -d 'Stop the daemon; sessions go on'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "restart" -d 'Start the daemon anew, if its configuration is right; sessions and connections go on'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "version" -d 'Print the version'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "generate" -d 'Write the manual pages and shell completions: for packages'
complete -c portcullis -n "__fish_portcullis_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand check-config" -l config-dir -d 'Directory with the configuration files' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand check-config" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand check-config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand test-config" -l config-dir -d 'Directory with the configuration files' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand test-config" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand test-config" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand conf; and not __fish_seen_subcommand_from show help" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand conf; and not __fish_seen_subcommand_from show help" -f -a "show" -d 'Print every option with its value and where that comes from'
complete -c portcullis -n "__fish_portcullis_using_subcommand conf; and not __fish_seen_subcommand_from show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand conf; and __fish_seen_subcommand_from show" -l config-dir -d 'Directory with the configuration files' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand conf; and __fish_seen_subcommand_from show" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand conf; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand conf; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print every option with its value and where that comes from'
complete -c portcullis -n "__fish_portcullis_using_subcommand conf; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "verify" -d 'Check that no record was changed, removed, added or moved'
complete -c portcullis -n "__fish_portcullis_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Check that no record was changed, removed, added or moved'
complete -c portcullis -n "__fish_portcullis_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -l config-dir -d 'Directory with the configuration files' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -l user -d 'The account, by the name that the machine knows' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -l groups -d 'Its groups, with commas: in place of those that the machine knows, or for an account that isn\'t here' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -l home -d 'Its home directory, for an account that isn\'t here' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -l ide -d 'In which IDE: rstudio, jupyter, code-server, or the name of an application of adapters.conf' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -l op -d 'A capability, such as download, upload, shell or read: every door to it is shown' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -l path -d 'The file that --op is about: absolute, or below the home directory' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -l request -d 'A request: method and path, as the audit log has it; what stands before the IDE\'s own path (/s/ID) is left out' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -l body -d 'A file with the request\'s body' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -l upgrade -d 'The request asks for a WebSocket'
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand simulate" -l config-dir -d 'Directory with the configuration to try' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand simulate" -l audit -d 'The log, usually /var/lib/portcullis/audit/audit.jsonl' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand simulate" -l since -d 'Only what was recorded since then: a date, a moment (2026-11-21T08:00:00Z), or a time back from now (7d, 12h)' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand simulate" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand simulate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand doctor" -l config-dir -d 'Directory with the configuration files' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand doctor" -l state-dir -d 'Where the daemon keeps keys, state and audit log' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand doctor" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand doctor" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand routes" -l config-dir -d 'Directory with the configuration files' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand routes" -l session -d 'A session, by its id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand routes" -l ide -d 'An IDE: jupyter, rstudio or code-server' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand routes" -l app -d 'A declared application' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand routes" -l from -d 'A list of requests, one METHOD PATH a line (WS PATH for a WebSocket); `-` for the standard input' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand routes" -l audit -d 'The audit log' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand routes" -l user -d 'As whom JupyterLab is asked for its routes; extensions of this account count too' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand routes" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand routes" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and not __fish_seen_subcommand_from list end help" -l for -d 'For how long, such as 90m, 2h or 1h30m; `exemption-max-hours` of portcullis.conf says how long at most' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and not __fish_seen_subcommand_from list end help" -l reason -d 'Why. The person reads it, and so does whoever reads the audit log' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and not __fish_seen_subcommand_from list end help" -l session -d 'In this session only' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and not __fish_seen_subcommand_from list end help" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and not __fish_seen_subcommand_from list end help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and not __fish_seen_subcommand_from list end help" -a "list" -d 'Print the exemptions in force'
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and not __fish_seen_subcommand_from list end help" -a "end" -d 'End an exemption before its time'
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and not __fish_seen_subcommand_from list end help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and __fish_seen_subcommand_from list" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and __fish_seen_subcommand_from end" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and __fish_seen_subcommand_from end" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and __fish_seen_subcommand_from help" -f -a "list" -d 'Print the exemptions in force'
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and __fish_seen_subcommand_from help" -f -a "end" -d 'End an exemption before its time'
complete -c portcullis -n "__fish_portcullis_using_subcommand exempt; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and not __fish_seen_subcommand_from list revoke rotate help" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and not __fish_seen_subcommand_from list revoke rotate help" -f -a "list" -d 'List the keys that sign cookies, with the sign-ins that began under each, and everybody\'s API keys'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and not __fish_seen_subcommand_from list revoke rotate help" -f -a "revoke" -d 'End an API key, and what is open by it; only root may'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and not __fish_seen_subcommand_from list revoke rotate help" -f -a "rotate" -d 'Sign cookies with another key from now on; only root may'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and not __fish_seen_subcommand_from list revoke rotate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from list" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from revoke" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from revoke" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from rotate" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from rotate" -l revoke-old -d 'Drop the keys of before, too, and sign everybody out: for a key that somebody else may have. Sessions go on'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from rotate" -l now -l yes -d 'Do not ask before everybody is signed out'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from rotate" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the keys that sign cookies, with the sign-ins that began under each, and everybody\'s API keys'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "revoke" -d 'End an API key, and what is open by it; only root may'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "rotate" -d 'Sign cookies with another key from now on; only root may'
complete -c portcullis -n "__fish_portcullis_using_subcommand keys; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand ldap; and not __fish_seen_subcommand_from test help" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand ldap; and not __fish_seen_subcommand_from test help" -f -a "test" -d 'Try to prove a password as a sign-in does, and tell each step: connections, binds, filters, groups, the role with its reason'
complete -c portcullis -n "__fish_portcullis_using_subcommand ldap; and not __fish_seen_subcommand_from test help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand ldap; and __fish_seen_subcommand_from test" -l password-file -d 'File with the password in its first line; `-` is the standard input' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand ldap; and __fish_seen_subcommand_from test" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand ldap; and __fish_seen_subcommand_from test" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand ldap; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand ldap; and __fish_seen_subcommand_from help" -f -a "test" -d 'Try to prove a password as a sign-in does, and tell each step: connections, binds, filters, groups, the role with its reason'
complete -c portcullis -n "__fish_portcullis_using_subcommand ldap; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand status" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand status" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand sessions" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand sessions" -l ended -d 'Also those that ended, as long as they are remembered (`session-ended-keep-minutes`)'
complete -c portcullis -n "__fish_portcullis_using_subcommand sessions" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand sessions" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and not __fish_seen_subcommand_from kill stop suspend why-alive help" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and not __fish_seen_subcommand_from kill stop suspend why-alive help" -f -a "kill" -d 'Kill all processes of a session at once. What isn\'t saved is lost'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and not __fish_seen_subcommand_from kill stop suspend why-alive help" -f -a "stop" -d 'Ask a session to end, and give it time to save'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and not __fish_seen_subcommand_from kill stop suspend why-alive help" -f -a "suspend" -d 'Have RStudio save its state and go, unless something runs in it; sessions of other IDEs are asked to end'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and not __fish_seen_subcommand_from kill stop suspend why-alive help" -f -a "why-alive" -d 'Say what keeps a session, and until when'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and not __fish_seen_subcommand_from kill stop suspend why-alive help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from kill" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from kill" -l all -d 'All of that person\'s'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from kill" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from kill" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from stop" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from stop" -l all -d 'All of that person\'s'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from stop" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from suspend" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from suspend" -l all -d 'All of that person\'s'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from suspend" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from suspend" -l force -d 'Whatever runs in it'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from suspend" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from why-alive" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from why-alive" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from why-alive" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "kill" -d 'Kill all processes of a session at once. What isn\'t saved is lost'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "stop" -d 'Ask a session to end, and give it time to save'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "suspend" -d 'Have RStudio save its state and go, unless something runs in it; sessions of other IDEs are asked to end'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "why-alive" -d 'Say what keeps a session, and until when'
complete -c portcullis -n "__fish_portcullis_using_subcommand session; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "list" -d 'List the accounts: names, role, where they come from'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "add" -d 'Make an account before its person signs in for the first time'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "alter" -d 'Change an account: role, names, address, or who it is at its provider'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "lock" -d 'Lock an account: its sign-ins and sessions end at once, and nobody signs in to it. What it owns stays; its API keys open nothing until it is unlocked'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "unlock" -d 'Let an account be used again'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "transfer" -d 'Give what one account owns to another: its groups, and with --api-keys its keys'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "remove" -d 'Remove an account that owns nothing any more. Its records in the audit log stay'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "sync" -d 'Look up who is signed in, or has a session or a key: may they still, and what are they members of?'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "audit" -d 'Show what happened to accounts, from the audit log'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from list" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from list" -l include-locked -d 'Locked ones too'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from list" -l reason -d 'Why each has its role'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from list" -l csv -d 'Print comma-separated values'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from add" -l provider -d 'Who keeps the identity: system, ldap:SECTION, openid:ISSUER, saml:ENTITY' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from add" -l unique-id -d 'What the provider calls it for ever, in base64; of system the uid of the account' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from add" -l username -d 'The name at the provider, where it is another one' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from add" -l role -d 'viewer, publisher or administrator; otherwise by the rules' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from add" -l first -d 'First name' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from add" -l last -d 'Last name' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from add" -l email -d 'Mail address' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from add" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from add" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l username -d 'The same' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l user-id -d 'By its number in lists' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l user-guid -d 'By its id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l role -l new-role -d 'viewer, publisher or administrator' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l new-username -d 'The name at its provider' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l new-unix-name -d 'The Unix account' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l new-provider -d 'Who keeps the identity, together with --new-unique-id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l new-unique-id -d 'What the provider calls it for ever, in base64' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l first -d 'First name' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l last -d 'Last name' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l email -d 'Mail address' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l force -d 'Also if nobody would be administrator any more'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l drop-factors -d 'Remove all second factors and recovery codes: their person lost them. Who needs one enrols a new one at the next sign-in; sign-ins that live go on'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from alter" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from lock" -l username -d 'The same' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from lock" -l user-id -d 'By its number in lists' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from lock" -l user-guid -d 'By its id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from lock" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from lock" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from lock" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from unlock" -l username -d 'The same' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from unlock" -l user-id -d 'By its number in lists' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from unlock" -l user-guid -d 'By its id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from unlock" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from unlock" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from unlock" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from transfer" -l username -d 'The same' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from transfer" -l user-id -d 'By its number in lists' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from transfer" -l user-guid -d 'By its id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from transfer" -l to -d 'To whom: an account\'s name' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from transfer" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from transfer" -l api-keys -d 'API keys too'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from transfer" -l delete -d 'Remove the first account afterwards'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from transfer" -l yes -d 'Don\'t ask'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from transfer" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from transfer" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from remove" -l username -d 'The same' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from remove" -l user-id -d 'By its number in lists' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from remove" -l user-guid -d 'By its id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from remove" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from remove" -l force -d 'Also if nobody would be administrator any more'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from remove" -l yes -d 'Don\'t ask'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from remove" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from sync" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from sync" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from sync" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from audit" -l since -d 'From this day on (UTC), as 2026-01-31' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from audit" -l until -d 'Up to this day, which is included' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from audit" -l log -d 'The log' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from audit" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from audit" -l csv -d 'Print comma-separated values with a head'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from audit" -l csvlog -d 'The same without a head, for a log'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from audit" -l json -d 'Print the records as they are, one JSON object a line'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from audit" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the accounts: names, role, where they come from'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from help" -f -a "add" -d 'Make an account before its person signs in for the first time'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from help" -f -a "alter" -d 'Change an account: role, names, address, or who it is at its provider'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from help" -f -a "lock" -d 'Lock an account: its sign-ins and sessions end at once, and nobody signs in to it. What it owns stays; its API keys open nothing until it is unlocked'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from help" -f -a "unlock" -d 'Let an account be used again'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from help" -f -a "transfer" -d 'Give what one account owns to another: its groups, and with --api-keys its keys'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Remove an account that owns nothing any more. Its records in the audit log stay'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from help" -f -a "sync" -d 'Look up who is signed in, or has a session or a key: may they still, and what are they members of?'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from help" -f -a "audit" -d 'Show what happened to accounts, from the audit log'
complete -c portcullis -n "__fish_portcullis_using_subcommand users; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "list" -d 'List the accounts: names, role, where they come from'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "add" -d 'Make an account before its person signs in for the first time'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "alter" -d 'Change an account: role, names, address, or who it is at its provider'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "lock" -d 'Lock an account: its sign-ins and sessions end at once, and nobody signs in to it. What it owns stays; its API keys open nothing until it is unlocked'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "unlock" -d 'Let an account be used again'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "transfer" -d 'Give what one account owns to another: its groups, and with --api-keys its keys'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "remove" -d 'Remove an account that owns nothing any more. Its records in the audit log stay'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "sync" -d 'Look up who is signed in, or has a session or a key: may they still, and what are they members of?'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "audit" -d 'Show what happened to accounts, from the audit log'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and not __fish_seen_subcommand_from list add alter lock unlock transfer remove sync audit help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from list" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from list" -l include-locked -d 'Locked ones too'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from list" -l reason -d 'Why each has its role'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from list" -l csv -d 'Print comma-separated values'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from list" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from add" -l provider -d 'Who keeps the identity: system, ldap:SECTION, openid:ISSUER, saml:ENTITY' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from add" -l unique-id -d 'What the provider calls it for ever, in base64; of system the uid of the account' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from add" -l username -d 'The name at the provider, where it is another one' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from add" -l role -d 'viewer, publisher or administrator; otherwise by the rules' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from add" -l first -d 'First name' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from add" -l last -d 'Last name' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from add" -l email -d 'Mail address' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from add" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from add" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l username -d 'The same' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l user-id -d 'By its number in lists' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l user-guid -d 'By its id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l role -l new-role -d 'viewer, publisher or administrator' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l new-username -d 'The name at its provider' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l new-unix-name -d 'The Unix account' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l new-provider -d 'Who keeps the identity, together with --new-unique-id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l new-unique-id -d 'What the provider calls it for ever, in base64' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l first -d 'First name' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l last -d 'Last name' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l email -d 'Mail address' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l force -d 'Also if nobody would be administrator any more'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l drop-factors -d 'Remove all second factors and recovery codes: their person lost them. Who needs one enrols a new one at the next sign-in; sign-ins that live go on'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from alter" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from lock" -l username -d 'The same' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from lock" -l user-id -d 'By its number in lists' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from lock" -l user-guid -d 'By its id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from lock" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from lock" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from lock" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from unlock" -l username -d 'The same' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from unlock" -l user-id -d 'By its number in lists' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from unlock" -l user-guid -d 'By its id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from unlock" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from unlock" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from unlock" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from transfer" -l username -d 'The same' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from transfer" -l user-id -d 'By its number in lists' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from transfer" -l user-guid -d 'By its id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from transfer" -l to -d 'To whom: an account\'s name' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from transfer" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from transfer" -l api-keys -d 'API keys too'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from transfer" -l delete -d 'Remove the first account afterwards'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from transfer" -l yes -d 'Don\'t ask'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from transfer" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from transfer" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from remove" -l username -d 'The same' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from remove" -l user-id -d 'By its number in lists' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from remove" -l user-guid -d 'By its id' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from remove" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from remove" -l force -d 'Also if nobody would be administrator any more'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from remove" -l yes -d 'Don\'t ask'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from remove" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from sync" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from sync" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from sync" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from audit" -l since -d 'From this day on (UTC), as 2026-01-31' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from audit" -l until -d 'Up to this day, which is included' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from audit" -l log -d 'The log' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from audit" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from audit" -l csv -d 'Print comma-separated values with a head'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from audit" -l csvlog -d 'The same without a head, for a log'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from audit" -l json -d 'Print the records as they are, one JSON object a line'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from audit" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the accounts: names, role, where they come from'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from help" -f -a "add" -d 'Make an account before its person signs in for the first time'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from help" -f -a "alter" -d 'Change an account: role, names, address, or who it is at its provider'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from help" -f -a "lock" -d 'Lock an account: its sign-ins and sessions end at once, and nobody signs in to it. What it owns stays; its API keys open nothing until it is unlocked'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from help" -f -a "unlock" -d 'Let an account be used again'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from help" -f -a "transfer" -d 'Give what one account owns to another: its groups, and with --api-keys its keys'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Remove an account that owns nothing any more. Its records in the audit log stay'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from help" -f -a "sync" -d 'Look up who is signed in, or has a session or a key: may they still, and what are they members of?'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from help" -f -a "audit" -d 'Show what happened to accounts, from the audit log'
complete -c portcullis -n "__fish_portcullis_using_subcommand list-users; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand revoke" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand revoke" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand offline" -s m -l message -d 'What people read, such as when to come back' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand offline" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand offline" -l suspend -d 'Suspend sessions: RStudio\'s save their state, unless something runs in them; others are asked to end'
complete -c portcullis -n "__fish_portcullis_using_subcommand offline" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand offline" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand online" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand online" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand online" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand reload" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand reload" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand logs" -l session -d 'Only lines about this session' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand logs" -s n -l lines -d 'How many of the last lines' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand logs" -l since -d 'From when on, as journalctl understands it: `-1h`, `today`, `2026-01-31 15:04`' -r
complete -c portcullis -n "__fish_portcullis_using_subcommand logs" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand logs" -s f -l follow -d 'Wait for more, and show it as it comes'
complete -c portcullis -n "__fish_portcullis_using_subcommand logs" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand verify-installation" -l config-dir -d 'Directory with the configuration files' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand verify-installation" -l libexec-dir -d 'Where portcullis-launcher, portcullis-server and the others are' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand verify-installation" -l state-dir -d 'Where the daemon keeps keys, state and audit log' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand verify-installation" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand verify-installation" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand verify-installation" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand active-sessions" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand active-sessions" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand active-sessions" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand suspend-session" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand suspend-session" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand suspend-session" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand suspend-all" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand suspend-all" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand suspend-all" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand force-suspend-session" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand force-suspend-session" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand force-suspend-session" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand force-suspend-all" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand force-suspend-all" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand force-suspend-all" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand kill-session" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand kill-session" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand kill-session" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand kill-all" -l run-dir -d 'The daemon\'s run directory' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand kill-all" -l json -d 'Print JSON'
complete -c portcullis -n "__fish_portcullis_using_subcommand kill-all" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand start" -l config-dir -d 'Directory with the configuration files' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand stop" -l config-dir -d 'Directory with the configuration files' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand restart" -l config-dir -d 'Directory with the configuration files' -r -F
complete -c portcullis -n "__fish_portcullis_using_subcommand restart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c portcullis -n "__fish_portcullis_using_subcommand version" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand generate" -s h -l help -d 'Print help'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "check-config" -d 'Check the configuration and report every problem at once'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "conf" -d 'Show the configuration that is in force'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "audit" -d 'Look after the audit log'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "explain" -d 'Explain what becomes of a request of a person, and why'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "simulate" -d 'Tell what an audit log would have been under another configuration'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "doctor" -d 'Examine machine and configuration: how strongly each flag holds in each IDE, and everything that is wrong'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "routes" -d 'List the requests of an IDE that no row covers, each with a line for adapters.conf'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "exempt" -d 'Lift a flag for a person, for a while; only root may'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "keys" -d 'List keys, and end those of programs'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "ldap" -d 'Try the directories of ldap.conf'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "status" -d 'Ask the daemon how it is; only root may'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "sessions" -d 'List sessions: whose, in what state, for how long, and what they use'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "session" -d 'End, suspend or explain a session'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "users" -d 'List who is signed in or has a session; with a command, look after the accounts'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "revoke" -d 'End everything of a person at once: sign-ins, connections, sessions with all their processes'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "offline" -d 'Let nobody in for a while: every page is answered with a message. Sessions go on'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "online" -d 'Let people in again'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "reload" -d 'Have the daemon read its configuration again, and say what became of it'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "logs" -d 'Show the daemon\'s log: the journal\'s, where there is one'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "verify-installation" -d 'Check that everything that sessions need is there and works, and say what isn\'t'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "active-sessions" -d 'List sessions with process, processor time and IDE, as RStudio Server does'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "suspend-session" -d 'Have RStudio\'s session save its state and go, unless something runs in it'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "suspend-all" -d 'Do so with all sessions'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "force-suspend-session" -d 'Have RStudio\'s session save its state and go, whatever runs in it'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "force-suspend-all" -d 'Do so with all sessions'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "kill-session" -d 'Kill all processes of a session'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "kill-all" -d 'Kill all processes of all sessions'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "start" -d 'Start the daemon, if its configuration is right'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "stop" -d 'Stop the daemon; sessions go on'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "restart" -d 'Start the daemon anew, if its configuration is right; sessions and connections go on'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "version" -d 'Print the version'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "generate" -d 'Write the manual pages and shell completions: for packages'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and not __fish_seen_subcommand_from check-config conf audit explain simulate doctor routes exempt keys ldap status sessions session users revoke offline online reload logs verify-installation active-sessions suspend-session suspend-all force-suspend-session force-suspend-all kill-session kill-all start stop restart version generate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from conf" -f -a "show" -d 'Print every option with its value and where that comes from'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "verify" -d 'Check that no record was changed, removed, added or moved'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from exempt" -f -a "list" -d 'Print the exemptions in force'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from exempt" -f -a "end" -d 'End an exemption before its time'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "list" -d 'List the keys that sign cookies, with the sign-ins that began under each, and everybody\'s API keys'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "revoke" -d 'End an API key, and what is open by it; only root may'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from keys" -f -a "rotate" -d 'Sign cookies with another key from now on; only root may'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from ldap" -f -a "test" -d 'Try to prove a password as a sign-in does, and tell each step: connections, binds, filters, groups, the role with its reason'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "kill" -d 'Kill all processes of a session at once. What isn\'t saved is lost'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "stop" -d 'Ask a session to end, and give it time to save'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "suspend" -d 'Have RStudio save its state and go, unless something runs in it; sessions of other IDEs are asked to end'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from session" -f -a "why-alive" -d 'Say what keeps a session, and until when'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from users" -f -a "list" -d 'List the accounts: names, role, where they come from'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from users" -f -a "add" -d 'Make an account before its person signs in for the first time'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from users" -f -a "alter" -d 'Change an account: role, names, address, or who it is at its provider'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from users" -f -a "lock" -d 'Lock an account: its sign-ins and sessions end at once, and nobody signs in to it. What it owns stays; its API keys open nothing until it is unlocked'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from users" -f -a "unlock" -d 'Let an account be used again'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from users" -f -a "transfer" -d 'Give what one account owns to another: its groups, and with --api-keys its keys'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from users" -f -a "remove" -d 'Remove an account that owns nothing any more. Its records in the audit log stay'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from users" -f -a "sync" -d 'Look up who is signed in, or has a session or a key: may they still, and what are they members of?'
complete -c portcullis -n "__fish_portcullis_using_subcommand help; and __fish_seen_subcommand_from users" -f -a "audit" -d 'Show what happened to accounts, from the audit log'
