"""The referral tree: bindings, uplines, downlines and team counts."""
