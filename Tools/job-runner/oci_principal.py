# SPDX-License-Identifier: Apache-2.0
"""Who we are to OCI: a resource principal (version 2.2) or a profile of an OCI config file.

Both end as a key id and an RSA key. A resource principal comes as environment variables that hold
either the values themselves or absolute paths of files; files are rewritten before the token ends, so
`refresh` reads them again, token and key together, because they only work as a pair.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

# Second-level domain and regions (short code=identifier) of each realm, as in Oracle's SDKs.
REALMS = """
oc1 oraclecloud.com yny=ap-chuncheon-1 hyd=ap-hyderabad-1 mel=ap-melbourne-1 bom=ap-mumbai-1 kix=ap-osaka-1
icn=ap-seoul-1 syd=ap-sydney-1 nrt=ap-tokyo-1 yul=ca-montreal-1 yyz=ca-toronto-1 ams=eu-amsterdam-1
fra=eu-frankfurt-1 zrh=eu-zurich-1 jed=me-jeddah-1 dxb=me-dubai-1 gru=sa-saopaulo-1 cwl=uk-cardiff-1
lhr=uk-london-1 iad=us-ashburn-1 phx=us-phoenix-1 sjc=us-sanjose-1 vcp=sa-vinhedo-1 scl=sa-santiago-1
mtz=il-jerusalem-1 mrs=eu-marseille-1 sin=ap-singapore-1 auh=me-abudhabi-1 lin=eu-milan-1 arn=eu-stockholm-1
jnb=af-johannesburg-1 cdg=eu-paris-1 qro=mx-queretaro-1 mad=eu-madrid-1 ord=us-chicago-1 mty=mx-monterrey-1
aga=us-saltlake-2 bog=sa-bogota-1 vap=sa-valparaiso-1 xsp=ap-singapore-2 ruh=me-riyadh-1 onm=ap-delhi-1
hsg=ap-batam-1 orf=eu-madrid-3 nrq=eu-turin-1 jbp=ap-kulai-2 lej=af-casablanca-1
oc2 oraclegovcloud.com lfi=us-langley-1 luf=us-luke-1
oc3 oraclegovcloud.com ric=us-gov-ashburn-1 pia=us-gov-chicago-1 tus=us-gov-phoenix-1
oc4 oraclegovcloud.uk ltn=uk-gov-london-1 brs=uk-gov-cardiff-1
oc8 oraclecloud8.com nja=ap-chiyoda-1 ukb=ap-ibaraki-1
oc9 oraclecloud9.com mct=me-dcc-muscat-1 ibr=me-ibri-1
oc10 oraclecloud10.com wga=ap-dcc-canberra-1
oc14 oraclecloud14.com bgy=eu-dcc-milan-1 mxp=eu-dcc-milan-2 snn=eu-dcc-dublin-2 dtm=eu-dcc-rating-2
dus=eu-dcc-rating-1 ork=eu-dcc-dublin-1
oc15 oraclecloud15.com dac=ap-dcc-gazipur-1
oc19 oraclecloud.eu vll=eu-madrid-2 str=eu-frankfurt-2
oc20 oraclecloud20.com beg=eu-jovanovac-1
oc21 oraclecloud21.com doh=me-dcc-doha-1 vve=me-alrayyan-1
oc23 oraclecloud23.com ebb=us-somerset-1 ebl=us-thames-1
oc24 oraclecloud24.com avz=eu-dcc-zurich-1 avf=eu-crissier-1
oc26 oraclecloud26.com ahu=me-abudhabi-3 rba=me-alain-1
oc29 oraclecloud29.com rkt=me-abudhabi-2 shj=me-abudhabi-4
oc35 oraclecloud35.com dtz=ap-seoul-2 dln=ap-suwon-1 bno=ap-chuncheon-2
oc42 oraclecloud42.com yxj=us-ashburn-2 pgc=us-newark-1
oc51 oraclecloud51.com jsk=eu-budapest-1
oc52 oraclecloud52.com hnw=sa-riodejaneiro-1
"""


def region_and_domain(region: str, metadata: str | None = None) -> tuple[str, str]:
    """Identifier and second-level domain of a region given by identifier or short code.

    `metadata` is OCI_REGION_METADATA: one JSON object that describes a region newer than this table.
    """
    wanted = region.strip().lower()
    if metadata:
        known = {str(key).lower(): str(value).lower() for key, value in json.loads(metadata).items()}
        if wanted in (known.get("regionkey"), known.get("regionidentifier")):
            return known["regionidentifier"], known["realmdomaincomponent"]
    domain = "oraclecloud.com"
    for word in REALMS.split():
        short, equals, identifier = word.partition("=")
        if not equals:
            domain = short if "." in short else domain
        elif wanted in (short, identifier):
            return identifier, domain
    return wanted, "oraclecloud.com"


class Principal:
    """A key id and the key that belongs to it."""

    def __init__(self, key_id: str, private_key: Any, region: str, metadata: str | None) -> None:
        self.key_id = key_id
        self.private_key = private_key
        self.region = region
        self.metadata = metadata

    def sign(self, text: bytes) -> tuple[str, bytes]:
        """RSASSA-PKCS1-v1_5 with SHA-256."""
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return self.key_id, self.private_key.sign(text, PKCS1v15(), SHA256())

    def refresh(self) -> None:
        """Read the credentials again where they can change; a config file's cannot."""

    def object_storage_endpoint(self) -> str:
        region, domain = region_and_domain(self.region, self.metadata)
        return f"https://objectstorage.{region}.{domain}"


class ResourcePrincipal(Principal):
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment
        metadata = environment.get("OCI_REGION_METADATA")
        super().__init__("", None, environment.get("OCI_RESOURCE_PRINCIPAL_REGION", ""), metadata)
        self.refresh()

    def refresh(self) -> None:
        token = self._value("OCI_RESOURCE_PRINCIPAL_RPST").strip()
        passphrase = self.environment.get("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE")
        if passphrase:
            passphrase = self._value("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE").strip()
        self.private_key = load_key(self._value("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM").encode(), passphrase)
        self.key_id = "ST$" + token

    def _value(self, name: str) -> str:
        """The variable, or the content of the file whose absolute path it is."""
        value = self.environment.get(name)
        if not value:
            raise ValueError(f"the environment variable {name} of the resource principal is not set")
        if os.path.isabs(value):
            with open(value, encoding="utf-8") as file:
                return file.read()
        return value


def load_key(pem: bytes, passphrase: str | None) -> Any:
    """An RSA private key in PEM. A passphrase that the key does not need is ignored, as the SDKs do.

    The key's own arithmetic is not checked (are its primes prime?): that takes 36 ms, a third of a cold
    start, and guards against keys made by strangers, while this one is our own identity.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    def load(secret: str | None) -> Any:
        return load_pem_private_key(
            pem.strip(), secret.encode() if secret else None, unsafe_skip_rsa_key_validation=True
        )

    try:
        return load(passphrase)
    except TypeError:
        if not passphrase:
            raise ValueError("the private key is encrypted and there is no passphrase") from None
        return load(None)


def from_config_file(path: str, profile: str, environment: Mapping[str, str]) -> Principal:
    """A profile of an OCI config file: an API key, or a session token where the profile names no user.

    [DEFAULT] is inherited by the other profiles, as in the Python SDK; but a user inherited from there does not
    turn a session profile into one with an API key.
    """
    import configparser

    parser = configparser.ConfigParser(interpolation=None, default_section="\0")
    with open(os.path.expanduser(path), encoding="utf-8") as file:
        parser.read_file(file)
    own = dict(parser[profile]) if parser.has_section(profile) else {}
    inherited = dict(parser["DEFAULT"]) if parser.has_section("DEFAULT") else {}
    if not own and profile != "DEFAULT":
        raise ValueError(f"{path} has no profile {profile}")
    section = {**inherited, **own}
    with open(os.path.expanduser(section["key_file"]), "rb") as file:
        key = load_key(file.read(), section.get("pass_phrase"))
    if "security_token_file" in own and "user" not in own:
        with open(os.path.expanduser(own["security_token_file"]), encoding="utf-8") as file:
            key_id = "ST$" + file.read().strip()
    else:
        key_id = f"{section['tenancy']}/{section['user']}/{section['fingerprint']}"
    region = section.get("region") or environment.get("OCI_REGION", "")
    return Principal(key_id, key, region, environment.get("OCI_REGION_METADATA"))


def from_environment(environment: Mapping[str, str]) -> Principal:
    """The resource principal when there is one, else the config file (for runs outside of OCI)."""
    version = environment.get("OCI_RESOURCE_PRINCIPAL_VERSION")
    if version == "2.2":
        return ResourcePrincipal(environment)
    if version:
        raise ValueError(f"resource principal version {version} is not supported (2.2 is)")
    names = ("OCI_CLI_CONFIG_FILE", "OCI_CONFIG_FILE")
    path = next((environment[name] for name in names if environment.get(name)), "~/.oci/config")
    if not os.path.exists(os.path.expanduser(path)):
        raise ValueError("neither a resource principal (OCI_RESOURCE_PRINCIPAL_VERSION) nor an OCI config file here")
    profile = environment.get("OCI_CLI_PROFILE") or environment.get("OCI_CONFIG_PROFILE") or "DEFAULT"
    return from_config_file(path, profile, environment)
