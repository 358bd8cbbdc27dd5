//! Members that nobody has put there: whom a search finds that an entry holds
//! as a URL. A URL that is none finds nobody; that is said in the log.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    gateway::{Gateway, TypeId, error, resolve::values_of},
    mapping::{TypeMapping, form::Pointed, lens::Inverse, lens::face::Reads, shape::FieldRef},
    scim::error::ScimError,
    store::{Bag, FieldId, Fold, Predicate, Row, Select, Test, Value, search_url::SearchUrl},
};

/// Most resources that are asked for in one batch.
const BATCH: usize = 500;

impl Gateway {
    /// The resources of some types that a search finds.
    pub(super) async fn found(&self, types: &[usize], url: &str) -> Result<Vec<Pointed>, ScimError> {
        let mut all = Vec::new();
        for ty in types {
            let mapping = self.ty(*ty)?;
            let key: Vec<FieldId> = mapping.bag().key.clone();
            let rows = self.rows_of_search(mapping, url, &key, Predicate::True).await?;
            let anchors: Vec<String> = rows.iter().filter_map(|row| mapping.anchor(row)).collect();
            for batch in anchors.chunks(BATCH) {
                let predicate = mapping.anchor_predicate(batch.iter().map(String::as_str));
                let found = self.pointed(*ty, predicate, mapping.reads_for(&|_| false)).await?;
                all.extend(found.into_iter().map(|(_, pointed)| pointed));
            }
        }
        all.sort_by(|a, b| (&a.display, &a.id).cmp(&(&b.display, &b.id)));
        Ok(all)
    }

    /// The holders whose searches find a resource of type `ty` with one of these texts.
    pub(super) async fn finders(
        &self,
        ty: TypeId,
        inverse: &Inverse,
        wanted: &[String],
    ) -> Result<Vec<(String, Pointed)>, ScimError> {
        let mut out = Vec::new();
        for field in &inverse.searches {
            for (urls, pointed) in self.holding(inverse.holder, field).await? {
                let mut texts: BTreeSet<String> = BTreeSet::new();
                for url in urls {
                    texts.extend(self.found_among(ty, &url, &inverse.by, wanted).await?);
                }
                out.extend(
                    texts.into_iter().map(|text| (text, Pointed { indirect: true, ..pointed.clone() })),
                );
            }
        }
        Ok(out)
    }

    /// The resources of a type that hold searches, and those.
    async fn holding(&self, ty: TypeId, field: &FieldRef) -> Result<Vec<(Vec<String>, Pointed)>, ScimError> {
        let mapping = self.ty(ty)?;
        let mut reads: Reads = mapping.reads_for(&|_| false);
        reads.field(&mapping.shape, field);
        let found = self.pointed(ty, Predicate::Field(field.field, Test::Present), reads).await?;
        let with_urls = found.into_iter().map(|(known, pointed)| {
            let urls = values_of(mapping, &known.record, field).iter().map(Value::to_text).collect();
            (urls, pointed)
        });
        Ok(with_urls.collect())
    }

    /// Those of some texts that resources hold which a search finds.
    async fn found_among(
        &self,
        ty: TypeId,
        url: &str,
        by: &FieldRef,
        wanted: &[String],
    ) -> Result<Vec<String>, ScimError> {
        let mapping = self.ty(ty)?;
        let mut out = Vec::new();
        for batch in wanted.chunks(BATCH) {
            let values = batch.iter().map(|text| Value::Text(text.clone())).collect();
            let among = Predicate::Field(by.field, Test::OneOf(values, Fold::Exact));
            let rows = self.rows_of_search(mapping, url, &[by.field], among).await?;
            out.extend(rows.iter().flat_map(|row| row.all(by.field)).map(Value::to_text));
        }
        Ok(out)
    }

    /// The rows that a search finds.
    async fn rows_of_search(
        &self,
        mapping: &TypeMapping,
        url: &str,
        fields: &[FieldId],
        predicate: Predicate,
    ) -> Result<Vec<Row>, ScimError> {
        let parsed: Result<(SearchUrl, Bag), _> =
            SearchUrl::parse(url).and_then(|search| search.within(mapping.bag()).map(|bag| (search, bag)));
        let (search, bag) = match parsed {
            Ok(parsed) => parsed,
            Err(reason) => {
                let name = mapping.resource_type.name.as_str();
                tracing::warn!(scim.resource_type = name, %reason, "a stored search is none");
                return Ok(Vec::new());
            }
        };
        let mut fields = fields.to_vec();
        fields.extend(bag.find_field("dn"));
        let bag = Arc::new(bag);
        let select =
            Select { bag: bag.clone(), predicate, fields, order: Vec::new(), offset: 0, limit: None };
        let rows = self.store.select(select).await.map_err(|e| error::reading(&e))?;
        Ok(rows.into_iter().filter(|row| search.reaches(&bag, row)).collect())
    }
}
