//! Extensions, settings, and everything else that the server offers to the editor.

use super::super::command::{Command, Look, call, listen};
use crate::Capability as C;

const EXTENSIONS: &str = "extensions";
const MCP: &str = "mcpManagement";
const REQUEST: &str = "request";
const AGENT: &str = "agentHostProxy";
const ENVIRONMENT: &str = "remoteextensionsenvironment";
const DEBUG: &str = "extensionhostdebugservice";
const LOGGER: &str = "logger";
const TELEMETRY: &str = "telemetry";
const PROFILES: &str = "userDataProfiles";
const LANGUAGES: &str = "languagePacks";
const SANDBOX: &str = "sandboxHelper";
const GATEWAY: &str = "mcpGateway";
const SCANNER: &str = "remoteExtensionsScanner";

/// The rows.
pub(super) static COMMANDS: &[Command] = &[
    // Extensions.
    call(EXTENSIONS, "install", &[C::InstallPackage]).paths(&[0]).act(),
    call(EXTENSIONS, "installFromLocation", &[C::InstallPackage]).paths(&[0]).act(),
    call(EXTENSIONS, "installExtensionsFromProfile", &[C::InstallPackage]).look(Look::HiddenPaths).act(),
    call(EXTENSIONS, "installFromGallery", &[C::InstallPackage]).act(),
    call(EXTENSIONS, "installGalleryExtensions", &[C::InstallPackage]).act(),
    call(EXTENSIONS, "uninstall", &[C::InstallPackage]).act(),
    call(EXTENSIONS, "uninstallExtensions", &[C::InstallPackage]).act(),
    call(EXTENSIONS, "zip", &[C::InstallPackage]).look(Look::HiddenPaths).act(),
    call(EXTENSIONS, "download", &[C::InstallPackage]).act(),
    call(EXTENSIONS, "copyExtensions", &[C::InstallPackage]).look(Look::HiddenPaths).act(),
    call(EXTENSIONS, "getManifest", &[C::InstallPackage]).paths(&[0]),
    call(EXTENSIONS, "updateMetadata", &[C::Ui]),
    call(EXTENSIONS, "toggleApplicationScope", &[C::Ui]),
    call(EXTENSIONS, "resetPinnedStateForAllUserExtensions", &[C::Ui]),
    call(EXTENSIONS, "getTargetPlatform", &[C::Ui]),
    call(EXTENSIONS, "getInstalled", &[C::Ui]),
    call(EXTENSIONS, "getExtensionsControlManifest", &[C::Ui]),
    call(EXTENSIONS, "cleanUp", &[C::Ui]),
    listen(EXTENSIONS, "onInstallExtension", &[C::Ui]),
    listen(EXTENSIONS, "onDidInstallExtensions", &[C::Ui]),
    listen(EXTENSIONS, "onUninstallExtension", &[C::Ui]),
    listen(EXTENSIONS, "onDidUninstallExtension", &[C::Ui]),
    listen(EXTENSIONS, "onDidUpdateExtensionMetadata", &[C::Ui]),
    call(SCANNER, "whenExtensionsReady", &[C::Ui]),
    call(SCANNER, "scanExtensions", &[C::Ui]),
    call("extensionGalleryManifest", "setExtensionGalleryManifest", &[C::Ui]),
    call("mcpGalleryManifest", "setMcpGalleryManifest", &[C::Ui]),
    // Programs that answer a language model; each is started as the person.
    call(MCP, "install", &[C::InstallPackage, C::Shell]).act(),
    call(MCP, "installFromGallery", &[C::InstallPackage, C::Shell]).act(),
    call(MCP, "uninstall", &[C::InstallPackage]).act(),
    call(MCP, "updateMetadata", &[C::InstallPackage]),
    call(MCP, "getInstalled", &[C::Ui]),
    listen(MCP, "onInstallMcpServer", &[C::Ui]),
    listen(MCP, "onDidInstallMcpServers", &[C::Ui]),
    listen(MCP, "onDidUpdateMcpServers", &[C::Ui]),
    listen(MCP, "onUninstallMcpServer", &[C::Ui]),
    listen(MCP, "onDidUninstallMcpServer", &[C::Ui]),
    call(GATEWAY, "createGateway", &[C::PortProxy]),
    call(GATEWAY, "disposeGateway", &[C::Ui]),
    listen(GATEWAY, "onDidChangeGatewayServers", &[C::Ui]),
    call("NativeMcpDiscoveryHelper", "load", &[C::Ui]),
    // The server asks any address for the browser, also those of this machine.
    call(REQUEST, "request", &[C::PortProxy]),
    call(REQUEST, "resolveProxy", &[C::Ui]),
    call(REQUEST, "lookupAuthorization", &[C::PortProxy]),
    call(REQUEST, "lookupKerberosAuthorization", &[C::PortProxy]),
    call(REQUEST, "loadCertificates", &[C::Ui]),
    // A second program with a protocol of its own, which reads, writes and runs what a language model says.
    call(AGENT, "connect", &[C::Unknown]),
    call(AGENT, "send", &[C::Unknown]),
    call(AGENT, "close", &[C::Ui]),
    listen(AGENT, "frame", &[C::Ui]),
    listen(AGENT, "close", &[C::Ui]),
    // The editor's own.
    call(ENVIRONMENT, "getEnvironmentData", &[C::Ui]),
    call(ENVIRONMENT, "getExtensionHostExitInfo", &[C::Ui]),
    call(ENVIRONMENT, "getDiagnosticInfo", &[C::Browse]).look(Look::HiddenPaths),
    call(DEBUG, "close", &[C::Ui]),
    call(DEBUG, "reload", &[C::Ui]),
    call(DEBUG, "terminate", &[C::Ui]),
    call(DEBUG, "attach", &[C::Shell]),
    listen(DEBUG, "close", &[C::Ui]),
    listen(DEBUG, "reload", &[C::Ui]),
    listen(DEBUG, "terminate", &[C::Ui]),
    listen(DEBUG, "attach", &[C::Ui]),
    call(LOGGER, "setLogLevel", &[C::Ui]),
    call(LOGGER, "getRegisteredLoggers", &[C::Ui]),
    listen(LOGGER, "onDidChangeLoggers", &[C::Ui]),
    listen(LOGGER, "onDidChangeVisibility", &[C::Ui]),
    listen(LOGGER, "onDidChangeLogLevel", &[C::Ui]),
    call(TELEMETRY, "updateTelemetryLevel", &[C::Ui]),
    call(TELEMETRY, "logTelemetry", &[C::Ui]),
    call(TELEMETRY, "flushTelemetry", &[C::Ui]),
    call(TELEMETRY, "ping", &[C::Ui]),
    call(PROFILES, "createProfile", &[C::Ui]),
    call(PROFILES, "updateProfile", &[C::Ui]),
    call(PROFILES, "removeProfile", &[C::Ui]),
    listen(PROFILES, "onDidChangeProfiles", &[C::Ui]),
    call(LANGUAGES, "getAvailableLanguages", &[C::Ui]),
    call(LANGUAGES, "getInstalledLanguages", &[C::Ui]),
    call(LANGUAGES, "getBuiltInExtensionTranslationsUri", &[C::Ui]),
    call(SANDBOX, "checkSandboxDependencies", &[C::Ui]),
    call(SANDBOX, "getWindowsMxcFilesystemPolicy", &[C::Ui]),
    call(SANDBOX, "getWindowsMxcEnvironment", &[C::Ui]),
    call(SANDBOX, "buildWindowsMxcSandboxPayload", &[C::Ui]),
];
