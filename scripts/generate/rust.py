"""The core's share: error codes and option names."""

from __future__ import annotations

from common import API, NOTE, pascal, quoted


def error_codes() -> str:
    lines = [f"// {NOTE}", "", "codes! {"]
    for code, error in API["errors"].items():
        retryable = str(error["retryable"]).lower()
        lines.append(
            f'    {pascal(code)} = "{code}", retryable: {retryable}, doc: {quoted(error["summary"])}, '
            f"hint: {quoted(error['action'])};"
        )
    return "\n".join([*lines, "}", ""])


def option_names() -> str:
    """Names, kinds and duties of all options that cross as JSON, for the one decoder of the core."""
    groups = {"client": API["client"]["options"]}
    groups |= {verb: entry["options"] for verb, entry in API["verbs"].items()}
    lines = [f"// {NOTE}", "", "pub(super) const OPTIONS: &[(&str, &[Known])] = &["]
    for group, options in groups.items():
        lines.append(f"    ({quoted(group)}, &[")
        for name, option in options.items():
            accepted = option["type"]
            if "values" in option:
                accepted = " or ".join(f'"{value}"' for value in option["values"])
            required = str(option.get("required", False)).lower()
            secret = str(option.get("secret", False)).lower()
            beside = str(option.get("beside", False)).lower()
            casing = {"python": "Some(Casing::Snake)", "node": "Some(Casing::Camel)"}.get(
                option.get("only"), "None"
            )
            lines.append(
                f"        Known {{ name: {quoted(name)}, accepted: {quoted(accepted)}, "
                f"required: {required}, secret: {secret}, beside: {beside}, only: {casing} }},"
            )
        lines.append("    ]),")
    return "\n".join([*lines, "];", ""])


OUTPUTS = {
    "core/src/error_codes.rs": error_codes,
    "core/src/call/option_names.rs": option_names,
}
