// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import EventLoop
internal import HTTPClient
internal import Logging
internal import OCIProfile
internal import OCIServices
internal import OCISigning
internal import Transport

/// From the settings to something that can call OCI: identity, trust, endpoints.
@LoopActor
enum OCIAccess {
    static func calls(for settings: Settings, log: Logger) async throws(OCIError) -> ServiceCalls {
        let environment = environmentVariables()
        let credentials = try apiKey(settings, environment)
        let client = HTTPClient(
            connector: StreamConnector(try trust(settings), proxies: try proxies(environment))
        )
        let exchange = SignedExchange(
            client: client,
            endpoints: try endpoints(settings),
            userAgent: "scaler-oci-hpc"
        )
        return ServiceCalls(
            exchange: exchange,
            credentials: credentials,
            requestsPerSecondMax: settings.maxRequestsPerSecond
        ) { notice in
            log.debug("call to OCI", metadata: ["notice": "\(notice)"])
        }
    }

    private static func proxies(_ environment: [String: String]) throws(OCIError) -> ProxySettings {
        do throws(HTTPError) {
            return try ProxySettings(environment: environment)
        } catch {
            throw .authentication(.configuration("\(error)"))
        }
    }

    private static func trust(_ settings: Settings) throws(OCIError) -> TLSContext {
        do throws(TransportError) {
            return try TLSContext(settings.caBundle.map { .certificates(path: $0) } ?? .systemRoots)
        } catch {
            throw .authentication(.configuration("\(error)"))
        }
    }

    private static func endpoints(_ settings: Settings) throws(OCIError) -> Endpoints {
        guard let base = settings.ociEndpoint else {
            return Endpoints(region: Region.resolve(settings.region))
        }
        guard let endpoints = Endpoints(baseURL: base) else {
            throw .authentication(.configuration("\(base) is no base URL; write https://HOST:PORT"))
        }
        return endpoints
    }

    private static func apiKey(
        _ settings: Settings,
        _ environment: [String: String]
    ) throws(OCIError) -> FixedCredentials {
        let home = ProcessIdentity.homeDirectory ?? "/"
        do {
            let paths = OCIConfigLocation.candidates(explicit: nil, environment: environment, home: home)
            var file: OCIConfigFile?
            for path in paths where file == nil {
                guard let bytes = try? readFile(path, byteCountMax: 1 << 20) else { continue }
                file = try OCIConfigFile(String(decoding: bytes, as: UTF8.self))
            }
            let profile = try ConfigProfile(settings.profile, in: file, environment: environment, home: home)
            guard case .apiKey(let user, let fingerprint) = profile.authentication,
                case .file(let keyFile) = profile.privateKey
            else { throw OCIError.authentication(.configuration("the profile has no API key")) }
            let pem = try readFile(keyFile, byteCountMax: 1 << 16)
            let key = try RSAKey(pem: pem, passphrase: profile.passphrase.map { Array($0.utf8) })
            let keyID = try KeyIdentity.apiKey(
                tenancyID: profile.tenancyID,
                userID: user,
                fingerprint: fingerprint
            )
            let identity = SigningIdentity(keyID: keyID, key: key)
            return FixedCredentials(identity, tenancyID: profile.tenancyID)
        } catch let error as OCIError {
            throw error
        } catch {
            throw .authentication(.configuration("\(error)"))
        }
    }
}

extension OCIError {
    /// The exit code for a daemon that cannot start because of this.
    var exitCode: Int32 {
        switch self {
        case .authentication(let problem): problem.exitStatus
        default:
            kind?.isPermission == true || kind == .notAuthenticated
                ? ExitCode.noPermission : ExitCode.unavailable
        }
    }
}
