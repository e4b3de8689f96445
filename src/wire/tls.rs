//! One TLS set-up for HTTP and websockets: rustls with ring, the Mozilla roots, and an operator's own roots.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, OnceLock};

/// The client side of every TLS connection. `SSL_CERT_FILE` (PEM), when set, adds roots: for a company's own authority.
pub fn client_config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    CONFIG.get_or_init(|| Arc::new(build())).clone()
}

fn build() -> ClientConfig {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = std::env::var_os("SSL_CERT_FILE") {
        match CertificateDer::pem_file_iter(&path) {
            Ok(certificates) => {
                let (added, ignored) = roots.add_parsable_certificates(certificates.filter_map(Result::ok));
                tracing::debug!(added, ignored, path = %path.display(), "extra root certificates");
            }
            Err(error) => tracing::warn!(path = %path.display(), %error, "cannot read SSL_CERT_FILE"),
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // ring supports the default versions; this cannot fail with the features we compile in.
    let Ok(builder) = versions else { unreachable!("ring lacks the default TLS versions") };
    builder.with_root_certificates(roots).with_no_client_auth()
}
